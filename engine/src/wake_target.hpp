// SPDX-License-Identifier: MIT
#pragma once

#include "sleeper.hpp"

namespace ngpoll::detail {

/// A sleeper on a shared queue, as its wakers see it: a ring in wait(), or a worker in next().
/// `World` names the types that the protocol stands on; see shared_queue.
template <class World>
struct basic_wake_target {
    // The sleeper arms it; other threads count it down and claim it.
    sleeper<World::template atomic> sleep_state;

    /// For the poller: a wake-up that it owes.
    struct owed_wake_up {
        typename World::wake_target* next = nullptr; ///< the next sleeper in the poller's list
        bool postponed = false; ///< in the list since an earlier hand-over
        bool by_event = false;
    };
    alignas(64) owed_wake_up owed;
};

} // namespace ngpoll::detail
