// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll {

/// How the consumer of an mpsc_queue sleeps until enough has been pushed, and learns of it once:
/// a countdown that producers run down, and the word that it sleeps on.
///
///     owner:     arm(missing); queue empty, and somebody polls? sleep while word() is `asleep`;
///                disarm(); take_rousing(); take what is there; from the start with what is still
///                missing
///     producer:  push; then, if count_down(pushed) says so, rouse(), and wake who sleeps on word()
///
/// arm() and disarm() are the owner's, the rest is anybody's. A late producer may count down the
/// next arming, and so wake early; no wake is lost:
///   S1  arm's exchange, then the owner's look into the queue (mpsc_queue::empty) and at the role
///       <-> push's exchange, then count_down's load: all seq_cst, so one of the two sees the
///       other.
///   S2  rouse() comes after the arming it answers (count_down read its value), so that arming
///       cannot cover it up.
///   S3  rouse() (release) -> take_rousing() (acquire): one that was handed the role sees that it
///       has it, and can end its lease when it leaves instead.
///
/// `Atomic` is std::atomic, or a model checker's replacement with the same members.
template <template <class> class Atomic = std::atomic>
class sleeper {
public:
    /// What the word says: nothing, that the owner may be asleep on it, or that it waits for an
    /// event elsewhere.
    enum state : std::uint32_t { awake = 0, asleep = 1, awaits_event = 2 };

    sleeper() noexcept = default;
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

    /// From here on `missing` (1 or more) counted down wake. `surplus` more are to come that are
    /// not waited for. Look again before sleeping.
    void arm(std::int32_t missing, std::int32_t surplus = 0, state how = asleep) noexcept
    {
        // relaxed, both: published by the exchange (S2).
        surplus_.store(surplus, std::memory_order_relaxed);
        word_.store(how, std::memory_order_relaxed);
        // seq_cst: the looks that follow must not be moved before it (S1).
        countdown_.exchange(missing, std::memory_order_seq_cst);
    }

    void disarm() noexcept
    {
        // seq_cst: an owner that leaves looks at the role afterwards, and that look must not be
        // moved before this; pairs with armed(). Whoever still counts down what was armed wakes
        // early at the worst.
        countdown_.store(0, std::memory_order_seq_cst);
    }

    /// Whether the owner waits for more than it was told of, so that it would serve as the next
    /// poller.
    [[nodiscard]] bool armed() const noexcept
    {
        // seq_cst: a ring that gives the role up must not have this look moved before that store;
        // pairs with arm(), behind which the owner looks at the role.
        return countdown_.load(std::memory_order_seq_cst) > 0;
    }

    /// What a count-down came to: `complete` for the one that brings what was missing, which has to
    /// wake; `to_come` is then what the owner expects besides.
    struct count {
        bool complete = false;
        std::int32_t to_come = 0;
    };

    /// After `by` pushes.
    [[nodiscard]] count count_down(std::int32_t by) noexcept
    {
        // seq_cst: not before the push's exchange (S1).
        if (countdown_.load(std::memory_order_seq_cst) <= 0)
            return {};
        // acq_rel: the count-downs of one arming are ordered, and the last one wakes; acquire also
        // puts rouse() behind arm()'s store to the word (S2).
        const std::int32_t before = countdown_.fetch_sub(by, std::memory_order_acq_rel);
        if (before <= 0 || before > by)
            return {};
        // relaxed: a figure, published with the arming.
        return {
            .complete = true, .to_come = surplus_.load(std::memory_order_relaxed) - (by - before)};
    }

    /// Says how the owner has to be woken after this.
    [[nodiscard]] std::uint32_t rouse() noexcept
    {
        // release: the role that this wakes for (S3); what was pushed is in the queue.
        return word_.exchange(awake, std::memory_order_release);
    }

    /// The owner's, after disarm(): whether anybody roused it since arm(). Nobody will any more.
    [[nodiscard]] bool take_rousing() noexcept
    {
        // acquire: the lease of who roused it to hand the role over (S3).
        return word_.exchange(awake, std::memory_order_acquire) == awake;
    }

    [[nodiscard]] Atomic<std::uint32_t>& word() noexcept { return word_; }

private:
    alignas(64) Atomic<std::int32_t> countdown_{0}; ///< pushes to come until the owner is woken
    Atomic<std::int32_t> surplus_{0}; ///< written by the owner, before it arms
    Atomic<std::uint32_t> word_{awake}; ///< one of `state`
};

} // namespace ngpoll
