// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "model_atomic.hpp"

namespace ngpoll::test {

inline void stop_a_while(unsigned steps_max)
{
    for (unsigned steps = rl::rand(steps_max); steps != 0; --steps)
        rl::yield(1, RL_INFO);
}

/// What Relacy runs: thread(i) of `Threads` threads. What they share is built afresh for each
/// schedule, in storage of its own: Relacy places the scenario by malloc, which knows no
/// alignas(64). A schedule that fails never comes to after(): its objects are abandoned, not
/// destroyed, because Relacy's side of them is gone by then.
template <class Derived, class Shared, int Threads>
struct scenario : rl::test_suite<Derived, Threads> {
    Shared& shared() { return *std::launder(reinterpret_cast<Shared*>(bytes_)); }
    void before()
    {
        watcher_of_thread.fill(nullptr);
        std::construct_at(reinterpret_cast<Shared*>(bytes_));
    }
    void after()
    {
        static_cast<Derived*>(this)->check();
        std::destroy_at(&shared());
    }

private:
    alignas(Shared) static inline std::byte bytes_[sizeof(Shared)];
};

} // namespace ngpoll::test
