// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <ngpoll/poll_queue.hpp>
#include <ngpoll/ring.hpp>

#include "interrupt_rings.hpp"
#include "queue_state.hpp"
#include "transport.hpp"

namespace ngpoll {

/// Puts the caller's own transport under a poll queue, and the test's own time limit in place of a
/// long one. It is for tests, and for benchmarks that leave the transport out.
struct testing_access {
    static std::unique_ptr<poll_queue> make(
        std::unique_ptr<transport> made, poll_queue::options requested)
    {
        return std::unique_ptr<poll_queue>(new poll_queue(std::make_unique<detail::queue_state>(
            std::shared_ptr<transport>(std::move(made)), requested)));
    }

    static std::unique_ptr<poll_queue> make(
        std::unique_ptr<interrupt_rings> made, poll_queue::options requested)
    {
        return std::unique_ptr<poll_queue>(new poll_queue(std::make_unique<detail::queue_state>(
            std::shared_ptr<interrupt_rings>(std::move(made)), requested)));
    }

    static void warn_after(poll_queue& queue, std::int64_t unpolled_ns)
    {
        queue.state().polled().unpolled_ns_max = unpolled_ns;
    }

    /// Arms `sleeping` as if it had looked for completions just before they came.
    static void arm(ring& sleeping, std::uint32_t missing, std::uint32_t expected_more)
    {
        sleeping.state_.in->sleep_state.arm(missing, expected_more);
    }
    static void disarm(ring& sleeping) { sleeping.state_.in->sleep_state.disarm(); }

    /// Every completion is deferred, whichever thread polls. Call it before the first pass.
    static void use_no_tag(poll_queue& queue)
    {
        queue.state().shared()->who_polls().polling.uses_tag = false;
    }

    /// The time since which no thread polls for requests in flight, in the time of
    /// detail::now_ns(). 0: a turn has made a pass and not ended. It is for a transport that the
    /// holder of the role calls.
    static std::uint64_t unpolled_since_ns(const poll_queue& queue)
    {
        return queue.state().polled().unpolled_since_ns();
    }

    /// Whether a thread has the poller's role.
    static bool has_poller(const poll_queue& queue)
    {
        auto* const shared = queue.state().shared();
        return shared->has_resident() || !shared->is_role_free();
    }

    /// Number of rings that sleep or were woken and have not run since.
    static std::uint32_t sleeping(const poll_queue& queue)
    {
        return queue.state().shared()->who_polls().sleeping();
    }
    static std::int32_t woken(const poll_queue& queue)
    {
        return queue.state().shared()->who_polls().wakes.woken();
    }

    /// Whether a ring's wake-up was postponed.
    static bool owes_wake_up(const ring& sleeping) { return sleeping.state_.in->owed.postponed; }
};

} // namespace ngpoll
