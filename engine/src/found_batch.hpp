// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include "inbox.hpp"

namespace ngpoll::detail {

template <class World>
class poller;

/// Takes the completions that a pass finds. It carries the tag: the inbox of the ring that polls,
/// `poll_ctx`. One pointer compare decides whether a request finishes here or belongs to another
/// ring. Requests of other rings are collected in a chain for each owner and handed over at the end
/// of the pass. One push and one look at the sleeping owner serve the whole chain. A batch without
/// a tag (the resident's) defers everything.
///
/// A batch exists for one pass, on the poller's thread. The idea comes from Linux 7.0's polled NVMe
/// completion for the local ring context; this does it for rings in user space.
template <class World>
class found_batch {
public:
    using request = typename World::request;
    using inbox = typename World::inbox;
    using wake_target = typename World::wake_target;
    using owner = typename World::owner;
    using deadline = typename World::deadline;

    /// Most callbacks of the poller's own ring between finding a completion and handing it over.
    static constexpr std::uint32_t kOwnCallbacksMax = 16;

    /// `me` is null for the resident.
    found_batch(poller<World>& by, owner* me, deadline until) noexcept
        : by_(by)
        , me_(me)
        , poll_ctx_(me == nullptr || !by.uses_tag ? nullptr : me->in)
        , until_(until)
    {
    }
    found_batch(const found_batch&) = delete;
    found_batch& operator=(const found_batch&) = delete;

    /// Finishes `r`, whose outcome is set, if its owner is the ring that polls. Otherwise keeps it
    /// for its owner. `r` must not be touched afterwards.
    void finish(request& r) noexcept
    {
        inbox* const whose = r.owner;
        if (whose == poll_ctx_) {
            // Completions of other rings do not wait for all of this ring's callbacks.
            if (own_since_hand_over_++ == kOwnCallbacksMax) [[unlikely]]
                hand_over_early();
            me_->finish(r);
        } else {
            defer(r, *whose);
        }
    }
    /// Finishes a request that was not sent.
    void cancel(request& r) noexcept
    {
        ++found_;
        World::set_cancelled(r);
        finish(r);
    }

    /// Counts completions handed to finish(). The caller calls it once a stretch.
    void add_found(std::uint32_t count) noexcept { found_ += count; }
    /// The time at which the poller wants to return.
    [[nodiscard]] deadline until() const noexcept { return until_; }

    [[nodiscard]] std::uint32_t found() const noexcept { return found_; }
    [[nodiscard]] std::uint32_t finished_inline() const noexcept { return found_ - deferred_; }

    /// Hands the kept requests over, in the order in which they were found, and wakes owners that
    /// now have all completions that they wait for.
    void hand_over() noexcept
    {
        wake_target* to_wake = nullptr;
        for (inbox* each = std::exchange(first_, nullptr); each != nullptr;) {
            auto& list = each->found;
            inbox* const next = list.next;
            const std::uint32_t count = std::exchange(list.count, 0);
            each->handed_over.add(count);
            // relaxed: written before any of its requests was submitted.
            if (auto* const group = each->group.load(std::memory_order_relaxed)) [[unlikely]] {
                by_.groups.found_for(*group, *list.first, *list.last, count);
                each = next;
                continue;
            }
            // The owner's ring may finish the requests and close from here on.
            each->deferred.push_chain(*list.first, *list.last);
            const auto counted = each->sleep_state.count_down(count);
            if (counted.complete)
                owe(*each, counted.by_event, counted.to_come, to_wake);
            each = next;
        }
        if (!by_.groups.empty()) [[unlikely]]
            by_.groups.serve(
                [&](wake_target& filled, bool by_event) { owe(filled, by_event, 0, to_wake); },
                [&](wake_target& ended, bool by_event) { by_.wake(ended, by_event); });
        // After all pushes: where processors are few, a woken thread may take this thread's
        // processor.
        by_.pay(to_wake);
    }

    /// Ends the pass: hands over, and pays wake-ups that were postponed before.
    void end() noexcept
    {
        wake_target* const due = by_.take_due(found_ != 0);
        hand_over();
        by_.pay(due);
    }

private:
    /// Out of line: inlined, it would take registers from the transport's loop.
    [[gnu::noinline]] void hand_over_early() noexcept
    {
        hand_over();
        own_since_hand_over_ = 1;
    }

    void defer(request& r, inbox& whose) noexcept
    {
        ++deferred_;
        World::set_deferred(r);
        auto& list = whose.found;
        if (list.count++ == 0) {
            list.first = &r;
            list.next = nullptr;
            (first_ == nullptr ? first_ : last_->found.next) = &whose;
            last_ = &whose;
        } else {
            // relaxed: the push of the chain publishes it, with the requests.
            list.last->next.store(&r, std::memory_order_relaxed);
        }
        list.last = &r;
    }

    /// Called with a claim on the sleeper. The wake-up comes after these pushes, or is postponed.
    void owe(
        wake_target& sleeping, bool by_event, std::int32_t to_come, wake_target*& to_wake) noexcept
    {
        if (sleeping.owed.postponed) {
            // The owner looked by itself and armed anew; it is still in the list.
            by_.wake(sleeping, by_event);
            return;
        }
        sleeping.owed.by_event = by_event;
        if (to_come < World::kWorthPostponing) {
            sleeping.owed.next = std::exchange(to_wake, &sleeping);
        } else {
            by_.postpone(sleeping);
        }
    }

    poller<World>& by_;
    owner* const me_;
    inbox* const poll_ctx_;
    const deadline until_;
    std::uint32_t found_ = 0;
    std::uint32_t deferred_ = 0;
    std::uint32_t own_since_hand_over_ = 0;
    inbox* first_ = nullptr; ///< list of owners with kept requests
    inbox* last_ = nullptr;
};

} // namespace ngpoll::detail
