// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "group.hpp"
#include "wake_target.hpp"

namespace ngpoll::detail {

/// The part of a ring or a group on a shared queue that other threads touch. It belongs to the
/// queue and outlives the ring. So a thread that looks for a sleeping ring may look at any inbox at
/// any time.
///
/// `World` names the types that the protocol stands on; see shared_queue.
template <class World>
struct basic_inbox : World::wake_target {
    using request = typename World::request;
    using inbox = typename World::inbox;

    // Pollers push, the owner pops.
    typename World::queue deferred;
    typename World::queue::cursor deferred_at{deferred}; ///< only the owner uses it

    /// Requests that the owner has queued are cancelled, not sent. Written by the owner.
    typename World::template atomic<bool> closing{false};

    /// The group that has this place; null if a ring has it. Written while no request names this
    /// inbox. Read by pollers, and by threads that look for a sleeping worker.
    typename World::template atomic<basic_group<World>*> group{nullptr};

    /// For the poller: requests that its pass found for this ring and has not handed over yet.
    struct found_list {
        request* first = nullptr;
        request* last = nullptr;
        inbox* next = nullptr; ///< the next inbox for which the pass found requests
        std::uint32_t count = 0;
    };
    alignas(64) found_list found;

    // Figures for describe(): numbers of requests so far.
    typename World::figure pushed, drained; ///< written by the owner
    typename World::figure handed_over; ///< written by pollers
};

} // namespace ngpoll::detail
