// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>

#include <ngpoll/detail/counter.hpp>
#include <ngpoll/detail/ring_state.hpp>
#include <ngpoll/mpsc_queue.hpp>
#include <ngpoll/request.hpp>

#include "clock.hpp"
#include "inbox.hpp"
#include "poller.hpp"
#include "waiting.hpp"

namespace ngpoll::detail {

/// The poller's way to the transport, with the figures of the thread that polls.
class polled_drive {
public:
    explicit polled_drive(transport& below)
        : below_(below)
    {
    }

    void pass(std::span<request* const> to_send, found_batch<struct native>& completions,
        pass_context& by) noexcept;
    void send(std::span<request* const> to_send, pass_context& by) noexcept;
    /// By interrupt only; see transport::arm_event().
    [[nodiscard]] bool arm_event(pass_context& by) noexcept;
    [[nodiscard]] std::uint32_t in_flight() const noexcept
    {
        return static_cast<std::uint32_t>(sent.get() - found.get());
    }

    /// Warns, once, of commands that no thread polled for.
    void turn_begins() noexcept
    {
        if (unpolled_since_ns_ != 0)
            warn_if_unpolled();
    }
    void turn_ends() noexcept
    {
        if (in_flight() != 0 && unpolled_since_ns_ == 0)
            unpolled_since_ns_ = now_ns();
    }
    /// The end of the first turn after the last pass that left commands in flight; 0: no turn did.
    /// Like all functions here it is for the holder.
    [[nodiscard]] std::uint64_t unpolled_since_ns() const noexcept { return unpolled_since_ns_; }

    counter sent, found; ///< commands so far, over all turns

    // Set before the first turn.
    const char* path = "a poll queue";
    /// The driver gives up on a command after 30 s.
    std::int64_t unpolled_ns_max = 20'000'000'000;

private:
    void warn_if_unpolled() noexcept;

    transport& below_;
    std::uint64_t unpolled_since_ns_ = 0;
    bool warned_ = false;
};

struct wake_target;

/// The types that the shared queue's protocol stands on in the engine.
struct native {
    template <class T>
    using atomic = std::atomic<T>;
    using queue = mpsc_queue<>;
    using request = ngpoll::request;
    using wake_target = detail::wake_target;
    using inbox = detail::inbox;
    using owner = ring_state;
    using pass_context = detail::pass_context;
    using figure = counter;
    using mutex = std::mutex;
    using spin_history = detail::spin_history;
    using drive = polled_drive;
    using deadline = const std::chrono::steady_clock::time_point*;

    static constexpr deadline kNever = nullptr;
    /// Most commands sent before a pass looks for completions. The kernel keeps 128 freed command
    /// records a ring (IO_ALLOC_CACHE_MAX) and 256 bios a processor. A longer burst, and the burst
    /// of completions after it, goes through the kernel's general allocator, at 440 instructions
    /// per I/O.
    static constexpr std::uint32_t kPassSendMax = 128;
    /// A ring may have more requests outstanding than it waits for. With at least so many more, its
    /// wake-up is postponed by a pass. More completions are likely to have come by then, and a
    /// wake-up costs as much as three commands.
    static constexpr std::int32_t kWorthPostponing = 16;

    static constexpr bool skips(step) noexcept { return false; }

    [[nodiscard]] static bool is_over(deadline until) noexcept
    {
        return until != nullptr && std::chrono::steady_clock::now() >= *until;
    }
    static void sleep(
        std::atomic<std::uint32_t>& word, std::uint32_t value, deadline until) noexcept
    {
        futex_wait(word, value, until);
    }
    static void wake(std::atomic<std::uint32_t>& word) noexcept { futex_wake(word); }
    static void set_event(wake_target& sleeping, int fd) noexcept;
    static void write_event(const wake_target& sleeping) noexcept;
    static void wait_for_event(const wake_target& sleeping) noexcept;
    static void nap() noexcept { detail::nap(); }
    static void yield() noexcept { detail::yield(); }

    static void set_cancelled(request& r) noexcept
    {
        r.status = {.errno_value = ECANCELED};
        r.result = 0;
    }
    /// The request is outstanding until its owner finishes it: the owner may not submit it again
    /// before.
    static void set_deferred(request& r) noexcept { r.status.taken = 1; }
    /// The request is in a worker's buffer, and belongs to the caller once the worker has it.
    static void set_fetched(request& r) noexcept { r.status.taken = 0; }

    /// Time for which a ring looks for completions before it sleeps: about as long as a sleep and
    /// its wake-up take. After a look that found nothing it skips the next 1, 3, 7 ... 63 looks.
    static constexpr std::chrono::microseconds kSpin{20};
    static constexpr std::uint32_t kSpinsSkippedMax = 63;
    /// Time for which the resident waits for new commands before it sleeps. A thread that submits
    /// one request after the other is awake again by then.
    static constexpr std::chrono::microseconds kIdle{100};

    /// Calls `seen` for a while until it is true, if such looks have found something lately. A ring
    /// that was chosen to poll always looks.
    template <class Seen>
    static bool spin_for(spin_history& spins, bool chosen, deadline until, Seen seen) noexcept
    {
        if (!chosen && spins.to_skip != 0) {
            --spins.to_skip;
            return false;
        }
        std::chrono::nanoseconds time = kSpin;
        if (until != nullptr)
            time = std::min(time, *until - std::chrono::steady_clock::now());
        const bool came = look_for(time, seen);
        if (chosen)
            return came;
        spins.in_vain = came ? 0 : std::min(2 * spins.in_vain + 1, kSpinsSkippedMax);
        spins.to_skip = spins.in_vain;
        return came;
    }
    template <class Poller>
    static bool look_for_work(Poller& poller) noexcept
    {
        return look_for(kIdle, [&poller] { return poller.has_work(); });
    }
};

struct wake_target : basic_wake_target<native> {
    int event_fd = -1; ///< the sleeper sets it; its waker reads it after an arming by event
};

struct inbox : basic_inbox<native> { };

inline void native::set_event(wake_target& sleeping, int fd) noexcept { sleeping.event_fd = fd; }

inline void native::write_event(const wake_target& sleeping) noexcept
{
    detail::write_event(sleeping.event_fd);
}

inline void native::wait_for_event(const wake_target& sleeping) noexcept
{
    detail::wait_for_event(sleeping.event_fd);
}

} // namespace ngpoll::detail
