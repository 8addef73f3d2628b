// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// How the consumer of an mpsc_queue sleeps until enough was pushed for it, or until it is chosen
/// to poll for all. One word: how many completions are missing, how to wake, and the wakers that
/// have claimed it and have yet to touch it (futex, eventfd).
///
///     owner:    arm(missing); queue empty, and somebody polls? sleep while is_armed();
///               disarm(), which tells whether the owner was chosen
///     poller:   push; then, if count_down(pushed) says so, wake, then touched()
///     releaser: if choose() says so, wake, then touched()
///
/// A claim takes the whole arming, so one waker wakes for it, once. arm(), disarm() and
/// is_untouched() are the owner's, the rest is anybody's. A late poller may count down the next
/// arming, and so wake early. No wake is lost. The edges:
///
///   S1  arm's addition, then the owner's look into the queue (mpsc_queue::empty) <-> push's
///       exchange, then count_down's load: all seq_cst, so one of the two sees the other.
///   S2  arm -> count_down's claim (acquire): how to wake. A late count-down may claim an arming
///       of the ring that has the inbox next, with another eventfd.
///   S3  touched (release) -> is_untouched (acquire): the last touch of a ring that closes.
///
/// Invariant: missing <= 32,768, the most that a queue holds; wakers at work < 8,192.
///
/// `Atomic` is std::atomic, or a model checker's replacement with the same members.
template <template <class> class Atomic = std::atomic>
class sleeper {
public:
    enum class waits_by : std::uint8_t { futex, event };

    sleeper() noexcept = default;
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

    /// Disarmed before. From here on `missing` (1 or more) counted down wake. `surplus` more are to
    /// come that are not waited for. Look again before sleeping.
    void arm(std::uint32_t missing, std::uint32_t expected_more = 0,
        waits_by by_what = waits_by::futex) noexcept
    {
        expected_more_.store(expected_more, std::memory_order_relaxed); // relaxed: a figure; a hint
        // seq_cst: the look into the queue that follows must not be moved before it (S1).
        word_.fetch_add(
            missing | (by_what == waits_by::event ? kByEvent : 0), std::memory_order_seq_cst);
    }

    /// What had become of an arming.
    struct ended {
        bool claimed = false; ///< a waker wakes for it
        bool chosen = false; ///< to poll for all
    };
    ended disarm() noexcept
    {
        // relaxed: the word's value alone. What was pushed, the queue's own edges bring.
        const std::uint32_t was = word_.fetch_and(~(kTouch - 1), std::memory_order_relaxed);
        return {.claimed = (was & kMissing) == 0, .chosen = (was & kChosen) != 0};
    }

    /// Whether the owner is to sleep (on), and on which value of word().
    [[nodiscard]] bool is_armed(std::uint32_t& value) const noexcept
    {
        value = word_.load(std::memory_order_relaxed); // relaxed: as in disarm()
        return (value & kMissing) != 0;
    }

    /// What a count-down came to: `complete` for the one that brings what was missing, which has to
    /// wake; `to_come` is then what the owner expects besides.
    struct count {
        bool complete = false;
        bool by_event = false;
        std::int32_t to_come = 0;
    };

    /// After `by` pushes.
    [[nodiscard]] count count_down(std::uint32_t by) noexcept
    {
        // seq_cst: not before the push's exchange (S1).
        std::uint32_t found = word_.load(std::memory_order_seq_cst);
        for (;;) {
            const std::uint32_t missing = found & kMissing;
            if (missing == 0)
                return {};
            const bool complete = by >= missing;
            const std::uint32_t left
                = complete ? (found & ~(kMissing | kByEvent)) + kTouch : found - by;
            // acquire: the arming, which may be a later one than the load's (S2). Not release: the
            // owner looks into its queue for what was pushed, again if it finds nothing yet.
            // relaxed on failure: the next round looks at the value alone.
            if (word_.compare_exchange_strong(
                    found, left, std::memory_order_acquire, std::memory_order_relaxed)) {
                if (!complete)
                    return {};
                // relaxed: a hint; a late count-down may find the next arming's.
                const auto expected_more
                    = static_cast<std::int32_t>(expected_more_.load(std::memory_order_relaxed));
                return {.complete = true,
                    .by_event = (found & kByEvent) != 0,
                    .to_come = expected_more - static_cast<std::int32_t>(by - missing)};
            }
        }
    }

    /// Claims an owner that sleeps in wait() to poll for all. False: it does not. Only where nobody
    /// arms by event: event loops have a resident, and then nobody is chosen.
    [[nodiscard]] bool choose() noexcept
    {
        // A ring's arming that has to be seen comes before the release of the role that this look
        // follows; see poller_role. seq_cst: a worker's need not (G1 in group.hpp).
        std::uint32_t found = word_.load(std::memory_order_seq_cst);
        while ((found & kMissing) != 0) {
            // relaxed, both: the duty is all that it carries; the role orders the rest.
            if (word_.compare_exchange_strong(found, ((found & ~kMissing) | kChosen) + kTouch,
                    std::memory_order_relaxed, std::memory_order_relaxed))
                return true;
        }
        return false;
    }

    /// The waker's last touch of the owner is done.
    void touched() noexcept
    {
        word_.fetch_sub(kTouch, std::memory_order_release); // release: that touch (S3)
    }
    [[nodiscard]] bool is_untouched() const noexcept
    {
        return word_.load(std::memory_order_acquire) < kTouch; // acquire: the last touch (S3)
    }

    /// Completions that the owner sleeps for; 0: it is awake. Any thread.
    [[nodiscard]] std::uint32_t missing() const noexcept
    {
        return word_.load(std::memory_order_relaxed) & kMissing; // relaxed: a figure
    }
    [[nodiscard]] Atomic<std::uint32_t>& word() noexcept { return word_; }

private:
    static constexpr std::uint32_t kMissing = 0xffff;
    static constexpr std::uint32_t kByEvent = 1U << 16;
    static constexpr std::uint32_t kChosen = 1U << 17;
    static constexpr std::uint32_t kTouch = 1U << 18; ///< one waker that has claimed

    alignas(64) Atomic<std::uint32_t> word_{0};
    Atomic<std::uint32_t> expected_more_{0}; ///< written by the owner, before it arms
};

} // namespace ngpoll::detail
