// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// The sleep of the consumer of an mpsc_queue. It lasts until enough completions were pushed for
/// it, or until a releaser chooses it to poll for all. One word says how many completions are
/// missing and how to wake the owner. It also counts the wakers that have claimed it and have yet
/// to touch it (futex, eventfd).
///
///     owner:    arm(missing); queue empty, and somebody polls? sleep while is_armed();
///               disarm(), which tells whether the owner was chosen
///     poller:   push; then, if count_down(pushed) says so, wake, then touched()
///     releaser: if choose() says so, wake, then touched()
///
/// A claim takes the whole arming, so exactly one waker wakes the owner for it. arm(), disarm() and
/// is_untouched() are for the owner, all other functions for any thread. A late poller may count
/// down the next arming, and so wake early. No wake-up is lost. The edges:
///
///   S1  arm's addition, then the owner's look into the queue (mpsc_queue::empty) <-> push's
///       exchange, then count_down's load: all seq_cst, so one of the two sees the other.
///   S2  arm -> count_down's claim (acquire): how to wake. A late count-down may claim an arming
///       of the ring that has the inbox next, with another eventfd.
///   S3  touched (release) -> is_untouched (acquire): the last touch of a ring that closes.
///
/// Invariant: missing <= 32,768, the most that a queue holds; wakers at work < 8,192.
///
/// `Atomic` is std::atomic, or the replacement of a model checker with the same members.
template <template <class> class Atomic = std::atomic>
class sleeper {
public:
    enum class waits_by : std::uint8_t { futex, event };

    sleeper() noexcept = default;
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

    /// Arms; the owner must be disarmed. From here on `missing` (1 or more) counted-down
    /// completions wake the owner. It expects `expected_more` besides, but does not wait for them.
    /// The owner has to look again before it sleeps.
    void arm(std::uint32_t missing, std::uint32_t expected_more = 0,
        waits_by by_what = waits_by::futex) noexcept
    {
        expected_more_.store(expected_more, std::memory_order_relaxed); // relaxed: a figure; a hint
        // seq_cst: the look into the queue that follows must not be moved before it (S1).
        word_.fetch_add(
            missing | (by_what == waits_by::event ? kByEvent : 0), std::memory_order_seq_cst);
    }

    /// The end of an arming.
    struct ended {
        bool claimed = false; ///< a waker wakes the owner for it
        bool chosen = false; ///< the owner is to poll for all
    };
    ended disarm() noexcept
    {
        // relaxed: only the word's value counts. The queue's own edges publish the pushed nodes.
        const std::uint32_t was = word_.fetch_and(~(kTouch - 1), std::memory_order_relaxed);
        return {.claimed = (was & kMissing) == 0, .chosen = (was & kChosen) != 0};
    }

    /// Whether the owner has to sleep (on), and on which value of word().
    [[nodiscard]] bool is_armed(std::uint32_t& value) const noexcept
    {
        value = word_.load(std::memory_order_relaxed); // relaxed: as in disarm()
        return (value & kMissing) != 0;
    }

    /// The result of a count-down. `complete`: it brought the last missing completion, so its
    /// caller has to wake the owner. `to_come` is then how many completions the owner expects
    /// besides.
    struct count {
        bool complete = false;
        bool by_event = false;
        std::int32_t to_come = 0;
    };

    /// Call it after `by` pushes.
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
            // acquire: reads the arming, which may be later than the one of the load (S2). Not
            // release: the owner looks into its queue for the pushed nodes, again if it finds none
            // yet. relaxed on failure: the next round looks at the value alone.
            if (word_.compare_exchange_strong(
                    found, left, std::memory_order_acquire, std::memory_order_relaxed)) {
                if (!complete)
                    return {};
                // relaxed: a hint; a late count-down may read that of the next arming.
                const auto expected_more
                    = static_cast<std::int32_t>(expected_more_.load(std::memory_order_relaxed));
                return {.complete = true,
                    .by_event = (found & kByEvent) != 0,
                    .to_come = expected_more - static_cast<std::int32_t>(by - missing)};
            }
        }
    }

    /// Claims an owner that sleeps in wait() to poll for all. Returns false if it does not sleep.
    /// It is used only where no owner arms by event: event loops have a resident, and then no owner
    /// is chosen.
    [[nodiscard]] bool choose() noexcept
    {
        // This look follows a release of the role. A ring's arming that has to be seen comes before
        // that release; see poller_role. seq_cst: a worker's arming need not come before it (G1 in
        // group.hpp).
        std::uint32_t found = word_.load(std::memory_order_seq_cst);
        while ((found & kMissing) != 0) {
            // relaxed, both: it carries only the duty to poll; the role orders everything else.
            if (word_.compare_exchange_strong(found, ((found & ~kMissing) | kChosen) + kTouch,
                    std::memory_order_relaxed, std::memory_order_relaxed))
                return true;
        }
        return false;
    }

    /// Ends the waker's last touch of the owner.
    void touched() noexcept
    {
        // release: publishes the end of the touch (S3)
        word_.fetch_sub(kTouch, std::memory_order_release);
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
    static constexpr std::uint32_t kTouch = 1U << 18; ///< one waker that has claimed the arming

    alignas(64) Atomic<std::uint32_t> word_{0};
    Atomic<std::uint32_t> expected_more_{0}; ///< the owner writes it before it arms
};

} // namespace ngpoll::detail
