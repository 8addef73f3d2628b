// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "inbox.hpp"
#include "poller.hpp"
#include "poller_role.hpp"
#include "protocol_step.hpp"
#include "sleeper.hpp"
#include "waker.hpp"

namespace ngpoll::detail {

/// Decides which thread polls a shared queue, and which is next. A thread has the role only through
/// a `turn`; only the end of a `turn` releases it.
///
/// Rule: while a ring waits and something is queued or in flight, a thread polls, or a wake-up is
/// on its way. A thread that has pushed, or a ring that has armed, tries for the role next. A
/// holder that releases the role then looks at the tail of the submission queue, and for an armed
/// ring.
///
/// It is made before the rings. Any thread may call it. With a resident no ring ever has a turn.
template <class World>
class turns {
public:
    using inbox = typename World::inbox;
    using pass_context = typename World::pass_context;

    turns(typename World::drive& below, std::uint32_t rings_max, bool resident)
        : has_resident(resident)
        , inboxes_(new inbox[rings_max])
        , inbox_count_(rings_max)
        , polling(below, submissions, wakes)
    {
    }
    turns(const turns&) = delete;
    turns& operator=(const turns&) = delete;

    /// Takes the poller's role, and releases it at the end.
    class turn {
    public:
        /// `place` is where the search for the next poller begins.
        turn(turns& queue, pass_context& by, const inbox& place) noexcept
            : queue_(queue)
            , by_(by)
            , place_(place)
            , taken_(!queue.has_resident && queue.role_.try_take())
        {
            if (taken_)
                queue_.polling.begin_turn(by);
        }
        ~turn()
        {
            if (taken_)
                queue_.release(by_, place_, leaves_);
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        explicit operator bool() const noexcept { return taken_; }
        /// Wakes a thread that sleeps, if there is one, to send what is queued.
        void leave_to_sleeper() noexcept { leaves_ = true; }

    private:
        turns& queue_;
        pass_context& by_;
        const inbox& place_;
        const bool taken_;
        bool leaves_ = false;
    };

    /// A ring or a worker calls this before it arms to sleep, and end_sleep() after. With no
    /// sleeper a release need not look at all inboxes.
    void begin_sleep() noexcept
    {
        // seq_cst: comes before the arming; see wake_successor().
        sleeping_.fetch_add(1, std::memory_order_seq_cst);
    }
    /// Returns whether a releaser chose the owner to poll.
    bool end_sleep(sleeper<World::template atomic>& word) noexcept
    {
        const auto end = word.disarm();
        // relaxed: the owner is awake, and looks by itself
        sleeping_.fetch_sub(1, std::memory_order_relaxed);
        if (end.claimed)
            wakes.runs_again();
        return end.chosen;
    }

    [[nodiscard]] std::span<inbox> inboxes() noexcept { return {inboxes_.get(), inbox_count_}; }
    /// A hint, and a figure.
    [[nodiscard]] bool is_role_free() const noexcept { return role_.is_free(); }

    [[nodiscard]] std::uint32_t sleeping() const noexcept
    {
        return sleeping_.load(std::memory_order_relaxed); // relaxed: a figure
    }

    const bool has_resident;

private:
    /// Pays owed wake-ups, releases the role, and looks at the tail and for an armed ring. Nothing
    /// of the poller is read after the release: it belongs to the next poller by then.
    void release(pass_context& by, const inbox& place, bool leaves) noexcept
    {
        for (bool gap = false;;) {
            if (!World::skips(step::pay_before_release))
                polling.pay_all();
            // Computed only if something is left: few turns end so.
            const bool has_room
                = !leaves && (submissions.all_popped() || polling.room_at_drive() != 0);
            leaves = false;
            polling.end_turn();
            const std::uint64_t tried = role_.release();
            if ((submissions.all_popped() && !polling.groups.has_called())
                || World::skips(step::look_at_tail_after_release))
                break;
            // A thread is between the two steps of its push, and will try for the role itself. If
            // it had tried already, its second step would be done, and the queue has to be looked
            // into.
            if (gap && (tried == 0 || World::skips(step::look_again_where_tried_in_vain)))
                break;
            // A busy drive has no room for more requests. If a ring waits, it becomes the next
            // poller and sends them.
            if (!has_room && !World::skips(step::wake_after_release) && wake_successor(by, place))
                return;
            if (!role_.try_take())
                return; // another thread has the role, and looks when it releases it
            polling.begin_turn(by);
            gap = !polling.send_queued();
        }
        if (!World::skips(step::wake_after_release))
            wake_successor(by, place);
    }

    /// Wakes the next poller. Returns false if no sleeper has something to poll for.
    bool wake_successor(pass_context& by, const inbox& place) noexcept
    {
        // A ring arms and then tries for the role. If its try fails, both come before this turn's
        // release, so this look sees the arming. A worker of a group arms without a try if nothing
        // is outstanding. seq_cst: pairs with that arming (G1).
        if (sleeping_.load(std::memory_order_seq_cst) == 0)
            return false;
        const auto after = static_cast<std::size_t>(&place - inboxes_.get());
        for (std::size_t k = 1; k <= inbox_count_; ++k) {
            inbox& each = inboxes_[(after + k) % inbox_count_];
            typename World::wake_target* chosen = each.sleep_state.choose() ? &each : nullptr;
            // acquire: reads the group as it was set up.
            auto* const group = each.group.load(std::memory_order_acquire);
            if (chosen == nullptr && group != nullptr && group->wants_poller())
                chosen = group->choose();
            if (chosen == nullptr)
                continue;
            wakes.wake(*chosen, false);
            by.wakes.add(1);
            return true;
        }
        return false;
    }

    poller_role<World::template atomic> role_;
    alignas(64) typename World::template atomic<std::uint32_t> sleeping_{0};
    const std::unique_ptr<inbox[]> inboxes_;
    const std::size_t inbox_count_;

public:
    typename World::queue submissions; ///< any ring's thread uses its tail
    waker<World> wakes;
    poller<World> polling; ///< only the holder of the role uses it
};

} // namespace ngpoll::detail
