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

/// A scenario that Relacy runs: thread(i) for `Threads` threads. Their shared objects are built
/// again for each schedule, in static storage, because Relacy places the scenario by malloc, which
/// ignores alignas(64). A schedule that fails never reaches after(). Its objects are abandoned
/// instead of destroyed, because Relacy's part of them is gone by then.
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
