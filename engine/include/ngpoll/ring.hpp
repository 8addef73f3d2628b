// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include <ngpoll/assert.hpp>
#include <ngpoll/detail/ring_state.hpp>
#include <ngpoll/request.hpp>
#include <ngpoll/ring_stats.hpp>

namespace ngpoll {

class poll_queue;
namespace detail {
struct open_rings;
class queue_state;
} // namespace detail

/// A thread's access to a poll_queue. The thread submits requests to its ring, and the ring gives
/// each completion back on this thread.
///
/// A ring is made, used and closed on one thread; only stats() may be called from other threads. A
/// thread that ends closes the rings it left open. submit() only stages a request; poll(), wait(),
/// flush() or arm_event() sends it. Callbacks run inside poll(), wait() and close(). Inside a
/// callback submit() works as usual, poll(), wait(), flush() and arm_event() return 0 at once, and
/// close() is a bug. On a shared queue this applies to every ring of the thread. A callback must
/// not wait for another thread: other rings may depend on this ring's polling. Only the constructor
/// throws.
///
/// A call on another thread than the ring's stops the program with a sentence. A call in a forked
/// child does the same. submit() looks for both in debug builds only. In a forked child close() and
/// the destructor do nothing. A child forked inside a callback must not return from it.
///
/// Invariant: outstanding() <= depth, and each accepted request is finished exactly once.
class ring {
public:
    /// The options of a ring.
    struct options {
        /// Requests outstanding at once; the ring's guaranteed share of its poll queue's depth. 0:
        /// an equal part of what the queue has left for the rings that may still come, at most 128.
        std::uint32_t depth = 0;
        /// Most commands handed to the drive's side at once. The kernel's block layer takes 32 tags
        /// at a time, and larger batches cost more instructions per command.
        std::uint32_t submit_batch_max = 32;
        /// An eventfd(2) that arm_event() has written to, for a ring in an event loop (epoll,
        /// asio). It belongs to the caller and must stay open until the ring is closed. -1: none.
        /// The queue must have a resident, which polls while the loop does not, or work by
        /// interrupt.
        int event_fd = -1;
    };

    /// Throws std::system_error.
    /// - EBUSY: the poll queue has no room for one more ring, or for its depth.
    /// - EINVAL: the queue has rings_max 1 and its first ring belonged to another thread.
    /// - EINVAL: an event_fd was given, and the queue is polled and has no resident.
    /// - EINVAL: the queue has a hardware_queue, and the thread may run on other processors than
    ///   that queue has.
    ///
    /// By interrupt each ring has a kernel ring of its own, and registers the queue's buffers with
    /// it. The constructor then also throws ENOMEM, EMFILE or ENFILE: no memory, no locked memory,
    /// no descriptor. For an event_fd that is not an eventfd it throws the kernel's errno.
    ring(poll_queue& queue, options requested);
    /// With the defaults of options.
    explicit ring(poll_queue& queue)
        : ring(queue, options{})
    {
    }
    /// Closes.
    ~ring();
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    /// Stages `r` for the drive; the ring owns `r` until it completes. Returns false when `depth`
    /// requests are outstanding or the ring is closing; `r` then still belongs to the caller. Also
    /// returns false for a request that is outstanding already or has a null on_complete. A debug
    /// build stops the program for such a request.
    [[nodiscard]] bool submit(request& r) noexcept
    {
        NGPOLL_DEBUG_ASSERT(is_callers(), "a ring belongs to the thread that made it");
        NGPOLL_DEBUG_ASSERT(may_take(r), kMayNotTake);
        if (state_.accepted >= state_.limit || !may_take(r))
            return false;
        state_.stage(r);
        return true;
    }

    /// Stages many requests in their order. Returns how many it took, counted from the first one.
    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;
    /// Submits all `requests`, then calls wait(n), or flush() for an `n` of 0. Costs less than both
    /// calls. Stops the program if the requests do not all fit; a closing ring has room for none.
    /// Inside a callback it only submits.
    std::uint32_t submit_and_wait(std::span<request* const> requests, std::uint32_t n) noexcept;

    /// Sends staged requests in batches and makes one polling pass. After the first batch a smaller
    /// remainder may wait for the next pass. On a shared queue it finishes requests that other
    /// threads found for this ring, and makes a pass only if no other thread polls. Never sleeps.
    /// Returns how many requests finished.
    std::uint32_t poll() noexcept;

    /// Waits until `n` requests have finished, or all outstanding ones if they are fewer. Returns
    /// how many finished. A ring with a queue of its own waits inside the kernel; by interrupt its
    /// thread sleeps there. On a shared queue the ring polls for all rings. While another thread
    /// polls, it sleeps. A signal does not end the wait.
    std::uint32_t wait(std::uint32_t n) noexcept;
    /// Waits like wait(n), but returns by `deadline` with what has finished until then. On a polled
    /// queue of its own the ring polls meanwhile. It looks at the clock at least every 16
    /// callbacks. It returns late after a slow callback, or when its thread was off the processor.
    std::uint32_t wait(std::uint32_t n, std::chrono::steady_clock::time_point deadline) noexcept;

    /// For a ring in an event loop. Returns true when `event_fd` will be written to: once `n`
    /// requests of this ring can be finished, or all outstanding ones if they are fewer. Call
    /// poll() then. Returns false when there is something to finish now: call poll() at once. With
    /// nothing outstanding it arms nothing and returns true.
    ///
    /// By interrupt `n` counts as 1, and the kernel writes to `event_fd`. The kernel may write once
    /// more than it has to; poll() then finds nothing. In rare cases it ends the loop's
    /// epoll_wait() with EINTR, without a signal.
    [[nodiscard]] bool arm_event(std::uint32_t n = 1) noexcept;

    /// Sends all staged requests without looking for completions. On a shared queue another thread
    /// that polls may send them.
    void flush() noexcept;

    /// Takes no more requests. Polls until every request that reached the drive is done, and
    /// finishes all others with ECANCELED. Returns when nothing is outstanding. Closing twice does
    /// nothing.
    void close() noexcept;

    /// Number of requests accepted and not finished.
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return state_.outstanding(); }
    /// The depth in force: `options::depth`, or what a depth of 0 became.
    [[nodiscard]] std::uint32_t depth() const noexcept { return state_.depth; }
    /// Running totals of this ring. Any thread.
    [[nodiscard]] ring_stats stats() const noexcept;

private:
    friend struct testing_access;
    friend struct detail::open_rings;
    using time_point = std::chrono::steady_clock::time_point;

    std::uint32_t waited(std::uint32_t n, const time_point* deadline) noexcept;
    std::uint32_t submit_then_wait(std::span<request* const> requests, std::uint32_t n) noexcept;
    std::uint32_t own_passes(std::uint32_t wanted) noexcept;
    std::uint32_t own_pass(std::uint32_t min_complete, const time_point* deadline) noexcept;
    std::uint32_t own_polling_pass(std::span<request* const> to_send, std::uint32_t min_complete,
        const time_point* deadline) noexcept;
    void send(std::span<request* const> to_send) noexcept;
    void abort_staged() noexcept;
    /// Whether this is the ring's own thread, in the process that made it.
    [[nodiscard]] bool is_callers() const noexcept;
    /// Stops the program on another thread, or in a forked child.
    void check_caller() const noexcept;
    [[noreturn, gnu::cold]] void stop_caller() const noexcept;

    static constexpr const char* kMayNotTake
        = "a request was submitted that is outstanding, or that has no on_complete (use "
          "ngpoll::ignore_completion, and in C ngpoll_request_init())";
    /// Two compares: cheap enough for release builds.
    [[nodiscard]] static bool may_take(const request& r) noexcept
    {
        return r.status.taken == 0 && r.on_complete != nullptr;
    }

    detail::ring_state state_;
    detail::queue_state& queue_;
    const options options_;
    const std::uintptr_t caller_; ///< the ring's thread, in the process that made the ring
    ring* next_on_thread_ = nullptr; ///< links the rings that are open on this thread
    ring* previous_on_thread_ = nullptr;
};

} // namespace ngpoll
