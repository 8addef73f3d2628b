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

/// One thread's context on a poll_queue: it owns requests and gets each of their completions.
///
/// Made, used and closed on one thread; stats() alone may be called from others. A thread that ends
/// closes the rings it left open. submit() only stages a request; poll(), wait(), flush() or
/// arm_event() sends it. Callbacks run inside poll(), wait() and close(). Inside a callback
/// submit() is as usual, poll(), wait(), flush() and arm_event() return 0 at once, and close() is a
/// bug. On a shared queue this applies to every ring of the thread. A callback must not wait for
/// another thread: other rings may depend on this one's polling. Nothing throws but the
/// constructor.
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
        /// asio). The caller's; must be open until the ring is closed. -1: none. The queue needs a
        /// resident, which polls while the loop does not, or works by interrupt.
        int event_fd = -1;
    };

    /// Throws std::system_error.
    /// - EBUSY: the poll queue has no room for one more ring, or for its depth.
    /// - EINVAL: the queue has rings_max 1 and its first ring was another thread's.
    /// - EINVAL: an event_fd was given, and the queue is polled and has no resident.
    /// - EINVAL: the thread may leave the processors of the queue's hardware_queue.
    ///
    /// By interrupt each ring has a kernel ring of its own, and registers the queue's buffers with
    /// it. The constructor then also throws ENOMEM, EMFILE or ENFILE (no memory, no locked memory,
    /// no descriptor), and the kernel's errno for an event_fd that is not an eventfd.
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

    /// Stages `r` for the drive and takes it over until it completes. False when `depth` requests
    /// are outstanding, or once the ring is closing: `r` is then the caller's still. Also false,
    /// and in debug builds the end of the program, for what can never be submitted as it is: `r` is
    /// outstanding already, or its on_complete is null.
    [[nodiscard]] bool submit(request& r) noexcept
    {
        NGPOLL_DEBUG_ASSERT(is_callers(), "a ring belongs to the thread that made it");
        NGPOLL_DEBUG_ASSERT(may_take(r), kMayNotTake);
        if (state_.accepted >= state_.limit || !may_take(r))
            return false;
        state_.stage(r);
        return true;
    }

    /// The same for many, in their order. Returns how many were taken, from the first one.
    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;
    /// submit() and wait(n), or for an `n` of 0 flush(), for less than both cost. More than there
    /// is room for stops the program; a closing ring has none. Inside a callback it only submits.
    std::uint32_t submit_and_wait(std::span<request* const> requests, std::uint32_t n) noexcept;

    /// Sends staged requests in batches and makes one polling pass. After the first batch a smaller
    /// remainder may wait for the next pass. On a shared queue it finishes what was handed over,
    /// and makes a pass unless another thread polls. Never sleeps. Returns how many finished.
    std::uint32_t poll() noexcept;

    /// Returns when `n` requests have finished, or all that are outstanding if those are fewer;
    /// says how many did. A queue of its own waits inside the kernel; by interrupt the thread
    /// sleeps there. On a shared queue the ring polls for all rings; while another thread polls, it
    /// sleeps. A signal does not end the wait.
    std::uint32_t wait(std::uint32_t n) noexcept;
    /// The same, but returns by `deadline` with what has finished until then. On a polled queue
    /// of its own it polls meanwhile. It looks at the clock at least every 16 callbacks. A slow
    /// callback, or a thread that is off its processor, makes it late.
    std::uint32_t wait(std::uint32_t n, std::chrono::steady_clock::time_point deadline) noexcept;

    /// For a ring in an event loop. True: `event_fd` will be written to once `n` requests of this
    /// ring can be finished, or all that are outstanding; call poll() then. With nothing
    /// outstanding it arms nothing, and says true. False: there is something to finish: call
    /// poll() now.
    ///
    /// By interrupt `n` counts as 1, and the kernel writes to `event_fd`. It may write once more
    /// than it has to; poll() then finds nothing. In rare cases it ends the loop's epoll_wait()
    /// with EINTR, without a signal.
    [[nodiscard]] bool arm_event(std::uint32_t n = 1) noexcept;

    /// Sends all that is staged without looking for completions. On a shared queue another thread
    /// that polls may send it.
    void flush() noexcept;

    /// Accepts no more, polls what reached the drive until it is done, and finishes what did not
    /// with ECANCELED. Returns when nothing is outstanding. Closing twice does nothing.
    void close() noexcept;

    /// Requests accepted and not finished.
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return state_.outstanding(); }
    /// What the options' depth became.
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
    /// Stops the program where it is not.
    void check_caller() const noexcept;
    [[noreturn, gnu::cold]] void stop_caller() const noexcept;

    static constexpr const char* kMayNotTake
        = "a request was submitted that is outstanding, or that has no on_complete (use "
          "ngpoll::ignore_completion, and in C ngpoll_request_init())";
    /// Two compares, so in release builds, too.
    [[nodiscard]] static bool may_take(const request& r) noexcept
    {
        return r.status.taken == 0 && r.on_complete != nullptr;
    }

    detail::ring_state state_;
    detail::queue_state& queue_;
    const options options_;
    const std::uintptr_t caller_; ///< its thread, in the process that made it
    ring* next_on_thread_ = nullptr; ///< of those open on this thread
    ring* previous_on_thread_ = nullptr;
};

} // namespace ngpoll
