// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "group.hpp"
#include "wake_target.hpp"

namespace ngpoll::detail {

/// What other threads touch of a ring or a group on a shared queue. It belongs to the queue and
/// outlives the ring, so that a thread that looks for a sleeping ring may look at any inbox at any
/// time.
///
/// `World` says what the protocol stands on; see shared_queue.
template <class World>
struct basic_inbox : World::wake_target {
    using request = typename World::request;
    using inbox = typename World::inbox;

    // Pushed to by pollers, popped from by the owner.
    typename World::queue deferred;
    typename World::queue::cursor deferred_at{deferred}; ///< the owner's

    /// What the owner has queued is cancelled, not sent. Written by the owner.
    typename World::template atomic<bool> closing{false};

    /// The group whose place this is; null for a ring's. Written while nobody's requests name this
    /// inbox; read by pollers, and by who looks for a sleeping worker.
    typename World::template atomic<basic_group<World>*> group{nullptr};

    /// The poller's: what its pass has found for this ring and not yet handed over.
    struct found_list {
        request* first = nullptr;
        request* last = nullptr;
        inbox* next = nullptr; ///< of those that the pass found something for
        std::uint32_t count = 0;
    };
    alignas(64) found_list found;

    // Figures for describe(): requests so far.
    typename World::figure pushed, drained; ///< by the owner
    typename World::figure handed_over; ///< by pollers
};

} // namespace ngpoll::detail
