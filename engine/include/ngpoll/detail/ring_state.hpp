// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <ngpoll/detail/counter.hpp>
#include <ngpoll/request.hpp>
#include <ngpoll/ring_stats.hpp>

namespace ngpoll {
class transport;
}

/// Not part of the interface: the compiler needs this to inline ring::submit().
namespace ngpoll::detail {

/// How a thread enters a transport; see transport::attach().
struct transport_seat {
    int enter_fd = -1;
    unsigned enter_flags = 0;
};

/// The tools of a thread that makes polling passes: a ring's thread, or the resident.
struct pass_context {
    transport_seat seat;
    std::uint32_t submit_batch_max = 32;
    std::uint64_t number = 0; ///< the name in poll_queue::describe(); not 0
    counter finished_inline, finished_deferred, passes, empty_passes, system_calls, sent, sleeps,
        wakes, takeovers;

    [[nodiscard]] ring_stats snapshot() const noexcept;

    /// The results of one polling pass.
    struct pass_figures {
        std::uint32_t sent = 0;
        std::uint32_t system_calls = 0;
        std::uint32_t found = 0;
        std::uint32_t finished_inline = 0; ///< part of `found`
    };
    void count_pass(const pass_figures& did) noexcept
    {
        passes.add(1);
        system_calls.add(did.system_calls);
        sent.add(did.sent);
        finished_inline.add(did.finished_inline);
        if (did.found == 0)
            empty_passes.add(1);
    }
};

/// Whether looks for completions before a sleep have found any lately.
struct spin_history {
    /// Grows with each look that found nothing; sets how many looks are skipped
    std::uint32_t in_vain = 0;
    std::uint32_t to_skip = 0;
};

/// State that only the ring's own thread touches. `in` is the part that other threads touch.
struct ring_state {
    // Requests so far, 64 bits so that they never wrap:
    // finished <= sent <= accepted <= limit == finished + depth, until closing.
    std::int64_t accepted = 0;
    std::int64_t limit = 0;
    std::int64_t sent = 0;
    std::unique_ptr<request*[]> staged; ///< accepted and not sent; index: position modulo the size
    std::uint32_t staged_mask = 0; ///< a power of two that holds depth, minus one
    std::uint32_t depth = 0;
    inbox* in = nullptr; ///< null on a private queue
    std::shared_ptr<transport> drive;
    pass_context passes;

    bool in_callbacks = false;
    bool closing = false;
    bool closed = false;
    spin_history spins;

    [[nodiscard]] std::uint32_t staged_count() const noexcept
    {
        return static_cast<std::uint32_t>(accepted - sent);
    }
    [[nodiscard]] std::uint32_t outstanding() const noexcept
    {
        const std::int64_t free = limit + (closing ? kClosing : 0) - accepted;
        return depth - static_cast<std::uint32_t>(free);
    }
    /// Takes `r` over. The outcome overwrites `taken`.
    void stage(request& r) noexcept
    {
        r.status.taken = 1;
        staged[static_cast<std::uint32_t>(accepted) & staged_mask] = &r;
        ++accepted;
    }
    void finish(request& r) noexcept
    {
        ++limit;
        r.on_complete(r);
    }
    /// Finishes a request that another thread found.
    void finish_deferred(request& r) noexcept
    {
        r.status.taken = 0;
        finish(r);
    }
    /// Takes the next batch of staged requests and counts it as sent. The span is good until the
    /// next stage().
    [[nodiscard]] std::span<request* const> take_batch() noexcept;
    /// Links all staged requests for the shared queue and counts them as sent. Returns how many.
    std::uint32_t take_staged(request*& first, request*& last) noexcept;

    /// Closing subtracts this from `limit`: submit() then refuses without a test of its own.
    static constexpr std::int64_t kClosing = std::int64_t{1} << 62;
};

} // namespace ngpoll::detail
