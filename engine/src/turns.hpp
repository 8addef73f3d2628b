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

/// Who polls a shared queue, and who is next. A `turn` is the one way to have the role; its end is
/// the one release.
///
/// Rule: while a ring waits and something is queued or in flight, a thread polls, or a wake-up is
/// on its way. A thread that has pushed, or a ring that has armed, tries for the role next. The
/// holder that lets go of it looks at the tail of the submission queue, and for an armed ring.
///
/// It is made before the rings. Any thread may call it. With a resident no ring has a turn.
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

    /// The poller's role, taken and let go of: the one way to have it.
    class turn {
    public:
        /// `place` is where the search for the next one to poll begins.
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
        /// One that sleeps, if any does, is woken to send what is queued.
        void leave_to_sleeper() noexcept { leaves_ = true; }

    private:
        turns& queue_;
        pass_context& by_;
        const inbox& place_;
        const bool taken_;
        bool leaves_ = false;
    };

    /// Before a ring or a worker arms to sleep, and after it has disarmed: so that a release need
    /// not look at all the inboxes where nobody sleeps.
    void begin_sleep() noexcept
    {
        // seq_cst: comes before the arming; see wake_successor().
        resting_.fetch_add(1, std::memory_order_seq_cst);
    }
    /// Whether it was chosen to poll.
    bool end_sleep(sleeper<World::template atomic>& word) noexcept
    {
        const auto end = word.disarm();
        resting_.fetch_sub(1, std::memory_order_relaxed); // relaxed: it is awake, and looks itself
        if (end.claimed)
            wakes.runs_again();
        return end.chosen;
    }

    [[nodiscard]] std::span<inbox> inboxes() noexcept { return {inboxes_.get(), inbox_count_}; }
    /// A hint, and a figure.
    [[nodiscard]] bool is_role_free() const noexcept { return role_.is_free(); }

    [[nodiscard]] std::uint32_t resting() const noexcept
    {
        return resting_.load(std::memory_order_relaxed); // relaxed: a figure
    }

    const bool has_resident;

private:
    /// Pays, lets go, and looks at the tail and for an armed ring. Nothing of the poller's is read
    /// after the release: it is the next poller's by then.
    void release(pass_context& by, const inbox& place, bool leaves) noexcept
    {
        for (bool gap = false;;) {
            if (!World::skips(step::pay_before_release))
                polling.pay_all();
            // Asked only where something is left: few turns end so.
            const bool has_room
                = !leaves && (submissions.all_popped() || polling.room_at_drive() != 0);
            leaves = false;
            polling.end_turn();
            const std::uint64_t tried = role_.release();
            if ((submissions.all_popped() && !polling.groups.has_called())
                || World::skips(step::look_at_tail_after_release))
                break;
            // A thread is between the two steps of its push, and will try for the role itself. Had
            // it tried already, its second step would be done, and the queue has to be looked into.
            if (gap && (tried == 0 || World::skips(step::look_again_where_tried_in_vain)))
                break;
            // What a busy drive has no room for, the next poller sends, if a ring waits.
            if (!has_room && !World::skips(step::wake_after_release) && wake_successor(by, place))
                return;
            if (!role_.try_take())
                return; // another has it, and looks when it lets go
            polling.begin_turn(by);
            gap = !polling.send_queued();
        }
        if (!World::skips(step::wake_after_release))
            wake_successor(by, place);
    }

    /// False: nobody sleeps who has something to poll for.
    bool wake_successor(pass_context& by, const inbox& place) noexcept
    {
        // An arming of a ring that has to be seen comes before a try in vain, and that before this
        // turn's release. A worker with nothing outstanding does not try. seq_cst: pairs with its
        // arming (G1).
        if (resting_.load(std::memory_order_seq_cst) == 0)
            return false;
        const auto after = static_cast<std::size_t>(&place - inboxes_.get());
        for (std::size_t k = 1; k <= inbox_count_; ++k) {
            inbox& each = inboxes_[(after + k) % inbox_count_];
            typename World::wake_target* chosen = each.sleep_state.choose() ? &each : nullptr;
            // acquire: what the group was set up with.
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
    alignas(64) typename World::template atomic<std::uint32_t> resting_{0};
    const std::unique_ptr<inbox[]> inboxes_;
    const std::size_t inbox_count_;

public:
    typename World::queue submissions; ///< its tail: any ring's thread
    waker<World> wakes;
    poller<World> polling; ///< the holder's
};

} // namespace ngpoll::detail
