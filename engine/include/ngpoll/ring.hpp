// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include <ngpoll/assert.hpp>
#include <ngpoll/mpsc_queue.hpp>
#include <ngpoll/request.hpp>
#include <ngpoll/ring_stats.hpp>
#include <ngpoll/sleeper.hpp>

namespace ngpoll {

class completion_batch;
class poll_queue;

/// How a thread enters the transport; see transport::attach().
struct transport_seat {
    int enter_fd = -1;
    unsigned enter_flags = 0;
};

/// One thread's context on a poll_queue: it owns requests and gets each of their completions.
///
/// Made, used and closed on one thread; stats() alone may be called from others. A thread that ends
/// closes the rings it left open. submit() only stages a request; poll(), wait(), flush() or
/// arm_event() sends it. Callbacks run inside poll(), wait() and close(). Inside a callback
/// submit() is as usual, poll(), wait(), flush() and arm_event() return 0 at once, and close() is a
/// bug; on shared queues so it is for all rings of the thread, whoever's callback it is. A callback
/// must not wait for another thread's close(). Nothing throws but the constructor.
///
/// A call on another thread than the ring's stops the program with a sentence. A call in a forked
/// child does the same. submit() looks for both in debug builds only. In a forked child close() and
/// the destructor do nothing. A child forked inside a callback must not return from it.
///
/// Invariant: outstanding() <= depth, and each accepted request is finished exactly once.
class ring {
public:
    struct options {
        /// Requests outstanding at once; the ring's guaranteed share of its poll queue's depth. 0:
        /// an equal part of what the queue has left for the rings that may still come, at most 128.
        std::uint32_t depth = 0;
        /// Most commands handed to the drive's side at once. The kernel's block layer takes 32 tags
        /// at a time, and larger batches cost more instructions per command.
        std::uint32_t submit_batch_max = 32;
        /// An eventfd(2) that arm_event() has written to, for a ring in an event loop (epoll,
        /// asio). The caller's; must be open until the ring is closed. -1: none.
        int event_fd = -1;
    };

    /// Throws std::system_error. EBUSY: the poll queue has no room for one more ring, or for its
    /// depth. EINVAL: the queue has rings_max 1 and its first ring was another thread's. EINVAL,
    /// too: the thread may leave the processors of the queue's hardware_queue.
    ring(poll_queue& queue, options how);
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
        if (accepted_ >= limit_ || !may_take(r))
            return false;
        take(r);
        staged_[static_cast<std::uint32_t>(accepted_) & staged_mask_] = &r;
        ++accepted_;
        return true;
    }

    /// The same for many, in their order. Returns how many were taken, from the first one.
    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;
    /// submit() and wait(n), or for an `n` of 0 flush(), for less than both cost. More than there
    /// is room for stops the program; a closing ring has none. Inside a callback it only submits.
    std::uint32_t submit_and_wait(std::span<request* const> requests, std::uint32_t n) noexcept;

    /// Sends what is staged, but for a rest of less than submit_batch_max, which goes with the next
    /// pass, and makes one polling pass; on a shared queue it finishes what it was handed, and
    /// makes a pass unless another polls. Never sleeps. Returns how many requests finished.
    std::uint32_t poll() noexcept;

    /// Polls until `n` requests have finished, or as many as are outstanding if those are fewer,
    /// and returns how many did. On a queue of its own it waits inside the kernel; on a
    /// shared one it polls for all, or, while another does, looks for 20 us where that has paid
    /// lately, and sleeps. A signal does not end it.
    std::uint32_t wait(std::uint32_t n) noexcept;
    /// The same, but returns by `deadline` with what has finished until then: on a queue of its own
    /// it polls meanwhile and does not wait inside the kernel. A callback that takes longer, or a
    /// thread that is off its processor, makes it late.
    std::uint32_t wait(std::uint32_t n, std::chrono::steady_clock::time_point deadline) noexcept;

    /// For a ring in an event loop. True: another polls, and `event_fd` will be written to
    /// once `n` requests of this ring can be finished, or once this ring has to poll; call poll()
    /// then. False: nobody else polls, or there is something to finish: call poll() now. A poller
    /// that turns to other work with the role leased writes nothing: while requests are
    /// outstanding, call poll() after kLookUp at the latest, too, but for queues with a resident
    /// poller.
    [[nodiscard]] bool arm_event(std::uint32_t n = 1) noexcept;
    static constexpr std::chrono::milliseconds kLookUp{1};

    /// Sends all that is staged without looking for completions. On a shared queue it only leaves
    /// it for the next ring that polls.
    void flush() noexcept;

    /// Accepts no more, polls what reached the drive until it is done, and finishes what did not
    /// with ECANCELED. Returns when nothing is outstanding. Closing twice does nothing.
    void close() noexcept;

    /// Requests accepted and not finished.
    [[nodiscard]] std::uint32_t outstanding() const noexcept
    {
        const std::int64_t free = limit_ + (closing_ ? kClosing : 0) - accepted_;
        return options_.depth - static_cast<std::uint32_t>(free);
    }
    /// What the options' depth became.
    [[nodiscard]] std::uint32_t depth() const noexcept { return options_.depth; }
    [[nodiscard]] ring_stats stats() const noexcept;

private:
    friend class completion_batch;
    friend class poll_queue;
    friend class resident_poller;
    friend struct testing_access;

    using counter = detail::counter;
    /// This thread is in poll() or wait() of a ring on a shared queue. What it would wait for in
    /// another one, from a callback, may be its own pass further up the stack.
    static thread_local bool in_shared_queue;

    using time_point = std::chrono::steady_clock::time_point;
    enum class slept : std::uint8_t { not_at_all, until_woken, for_long };

    /// That of the resident poller: it submits nothing, and nobody hands it the role.
    struct for_resident { };
    ring(poll_queue& queue, for_resident);
    /// Polls for all until `stop`; sleeps while there is nothing to send or to find.
    void reside(const std::atomic<bool>& stop) noexcept;
    /// Sleeps until something was submitted, or `stop`; false then.
    bool rest(const std::atomic<bool>& stop) noexcept;
    /// After a push to a queue that this ring looks into before it sleeps; as wake(). Any thread.
    bool wake_if_armed() noexcept;

    std::uint32_t waited(std::uint32_t n, const time_point* deadline) noexcept;
    std::uint32_t shared_poll() noexcept;
    std::uint32_t shared_wait(std::uint32_t wanted, const time_point* deadline) noexcept;
    /// With the role: passes until `wanted` requests of this ring finished, or the role is gone.
    std::uint32_t poll_for_all(std::uint32_t wanted, const time_point* deadline) noexcept;
    std::uint32_t shared_pass() noexcept;
    /// Sleeps until `missing` deferred completions came, until it may be time to take the role, or
    /// until `deadline`.
    slept sleep(std::uint32_t missing, const time_point* deadline) noexcept;
    /// Looks a while for deferred completions, where that has paid lately.
    [[nodiscard]] bool comes_soon(const time_point* deadline) noexcept;
    void end_sleep() noexcept;
    bool wake() noexcept; ///< whether it was asleep, or waited for its event
    /// Before a ring that slept leaves wait(): sees to it that it is not the only one to have been
    /// told that the role is free.
    void pass_role_on(bool comes_back) noexcept;
    /// After taking the role: counts it where another ring had it before.
    void begin_turn() noexcept;
    std::uint32_t submit_then_wait(std::span<request* const> requests, std::uint32_t n) noexcept;
    std::uint32_t own_passes(std::uint32_t wanted) noexcept;
    std::uint32_t own_pass(std::uint32_t min_complete) noexcept;
    std::uint32_t own_polling_pass(
        std::span<request* const> to_send, std::uint32_t min_complete) noexcept;
    std::uint32_t shared_polling_pass(std::span<request* const> to_send) noexcept;
    void count_pass(
        const completion_batch& batch, std::uint32_t sent, std::uint32_t calls) noexcept;
    /// The next batch of staged requests, counted as sent. Good until submit() is called again.
    std::span<request* const> take_staged() noexcept;
    void send(std::span<request* const> to_send) noexcept;
    std::uint32_t drain_deferred() noexcept;
    void queue_staged() noexcept;
    void abort_staged() noexcept;
    void drain_queue() noexcept;
    void hand_over(ring& heir) noexcept;
    /// Lets rings that were woken run, should they wait for this processor.
    void yield_to_woken() const noexcept;
    void leave_role() noexcept;
    /// With the role, sending nothing: passes until nothing is in flight.
    std::uint32_t finish_in_flight() noexcept;
    /// The same, where no other ring may poll for what this one's thread has sent.
    std::uint32_t finish_if_must_poll() noexcept;
    void remember() noexcept;
    void forget() noexcept;
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
    /// Makes `r` this ring's. The outcome overwrites the mark.
    void take(request& r) noexcept
    {
        r.status.taken = 1;
        r.owner = this;
    }

    /// Finishes `r` on this ring's own thread.
    void finish(request& r) noexcept
    {
        ++limit_;
        r.on_complete(r);
    }

    /// Most commands sent before a pass looks for completions. The kernel keeps 128 freed command
    /// records a ring (IO_ALLOC_CACHE_MAX) and 256 bios a processor: a longer burst, and the burst
    /// of completions that comes of it, goes through its general allocator, 440 instructions per
    /// I/O.
    static constexpr std::uint32_t kPassSendMax = 128;

    /// What closing takes from limit_: submit() then refuses without a test of its own.
    static constexpr std::int64_t kClosing = std::int64_t{1} << 62;

    /// What the poller's role knows it by.
    [[nodiscard]] std::uintptr_t tag() const noexcept
    {
        return reinterpret_cast<std::uintptr_t>(this);
    }
    [[nodiscard]] std::uint32_t staged() const noexcept
    {
        return static_cast<std::uint32_t>(accepted_ - sent_);
    }
    [[nodiscard]] request& staged_at(std::int64_t position) const noexcept
    {
        return *staged_[static_cast<std::uint32_t>(position) & staged_mask_];
    }

    // Written by the owning thread only. Requests so far, 64 bits so that they never wrap:
    // finished <= sent_ <= accepted_ <= limit_ == finished + depth, until closing.
    std::int64_t accepted_ = 0;
    std::int64_t limit_ = 0;
    std::int64_t sent_ = 0;
    std::unique_ptr<request*[]> staged_; ///< accepted and not sent, by position modulo its size
    std::uint32_t staged_mask_ = 0; ///< a power of two that holds depth, minus one
    poll_queue& queue_;
    transport_seat seat_;
    options options_{};
    std::uint32_t turn_passes_ = 0; ///< passes since this ring last took the role
    ring* heir_ = nullptr; ///< who may follow as poller; good within the pass that set it
    const unsigned process_; ///< which process made it; see detail::process_generation
    const bool shared_; ///< the queue is
    bool in_callbacks_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool resident_ = false;
    std::uintptr_t caller_; ///< its thread, in the process that made it
    std::uintptr_t thread_tag_; ///< its thread; no other one ever has that number
    counter finished_inline_, finished_deferred_, passes_, empty_passes_, system_calls_,
        commands_sent_, sleeps_, wakes_, takeovers_;

    ring* next_on_thread_ = nullptr; ///< of those open on this thread
    ring* previous_on_thread_ = nullptr;

    // Written by this one's drain, and by the rings that hand completions over to it.
    mpsc_queue<> deferred_;
    mpsc_queue<>::cursor deferred_at_{deferred_};
    sleeper<> sleeper_;
    std::uint32_t spins_in_vain_ = 0; ///< the owner's: grows with each one, to be skipped then
    std::uint32_t spins_to_skip_ = 0;
    std::int64_t usual_sleep_ns_ = 0; ///< the owner's: a mean of those that a wake-up ended
    std::atomic<bool> waiting_{false}; ///< its thread is in wait(): who hands the role over looks

    // The poller's: what its pass has found for this ring and not yet handed over.
    struct found_list {
        request* first = nullptr;
        request* last = nullptr;
        ring* next_ring = nullptr; ///< of those that the same pass found something for
        ring* next_to_wake = nullptr; ///< where `to_be_woken`
        std::int32_t count = 0;
        /// From listing to waking; a ring that closes waits for the end of it.
        std::atomic<bool> to_be_woken{false};
    };
    alignas(64) found_list found_;
};

} // namespace ngpoll
