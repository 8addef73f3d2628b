// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <ngpoll/poll_queue.hpp>
#include <ngpoll/ring.hpp>

#include "transport.hpp"

namespace ngpoll {

/// Puts a transport of the caller's under a poll queue, and a time limit of the test's in place of
/// a long one: for tests, and for benchmarks that leave the transport out.
struct testing_access {
    static std::unique_ptr<poll_queue> make(
        std::unique_ptr<transport> made, poll_queue::options how)
    {
        return std::unique_ptr<poll_queue>(new poll_queue(std::move(made), how));
    }

    static void warn_after(poll_queue& queue, std::int64_t unpolled_ns)
    {
        queue.unpolled_ns_max_ = unpolled_ns;
    }

    /// As if `sleeping` had looked for completions just before they came, and then armed.
    static void arm(ring& sleeping, std::int32_t missing, std::int32_t surplus)
    {
        sleeping.sleeper_.arm(missing, surplus);
    }

    /// Whether the poller's role is leased, or in a pass.
    static bool has_poller(const poll_queue& queue) { return queue.role_.held_by_another(0); }

    /// Whether a ring's wake-up was put off.
    static bool owes_wake_up(const poll_queue& queue) { return queue.wake_late_ != nullptr; }
};

} // namespace ngpoll
