// SPDX-License-Identifier: MIT
#pragma once

#include "sleeper.hpp"

namespace ngpoll::detail {

/// One that sleeps on a shared queue, as its wakers see it: a ring in wait(), or a worker in
/// next(). `World` says what the protocol stands on; see shared_queue.
template <class World>
struct basic_wake_target {
    // Armed by the one that sleeps, counted down and claimed by others.
    sleeper<World::template atomic> sleep_state;

    /// The poller's: a wake-up that is owed.
    struct owed_wake_up {
        typename World::wake_target* next = nullptr; ///< of those that are owed one
        bool put_off = false; ///< listed since an earlier hand-over
        bool by_event = false;
    };
    alignas(64) owed_wake_up owed;
};

} // namespace ngpoll::detail
