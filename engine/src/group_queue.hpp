// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <mutex>

#include "group.hpp"
#include "inbox.hpp"
#include "poller.hpp"
#include "protocol_step.hpp"
#include "shared_queue.hpp"
#include "sleeper.hpp"
#include "turns.hpp"

namespace ngpoll::detail {

/// The protocol of a fetch group: the part of submitting threads, workers and the closing thread on
/// the group's shared queue. The poller's part is basic_group::serve().
///
/// Rule: while a worker waits for outstanding requests or for a busy worker's unread batch, a
/// thread polls or a wake-up is on its way. Unlike a ring (see turns), a worker may sleep with
/// nothing outstanding. It tries for the role only if something is, and a submitting thread tries
/// next.
template <class World>
class group_queue {
public:
    using request = typename World::request;
    using inbox = typename World::inbox;
    using group = basic_group<World>;
    using fetch = basic_fetch<World>;
    using pass_context = typename World::pass_context;
    using deadline = typename World::deadline;

    group_queue(shared_queue<World>& queue, group& its) noexcept
        : queue_(queue)
        , turns_(queue.who_polls())
        , group_(its)
    {
    }

    /// Any thread. Pushes linked requests with credits; group::leave() follows. If no thread polls,
    /// it wakes a sleeping worker to send them. If no worker sleeps, it sends them itself.
    void push(request& first, request& last, pass_context& by) noexcept
    {
        turns_.submissions.push_chain(first, last);
        if (turns_.has_resident)
            wake_resident(by);
        else if (!World::skips(step::wake_by_submit))
            if (turn mine(turns_, by, *group_.place); mine)
                mine.leave_to_sleeper();
    }

    /// For the worker. Returns how many requests `me.held` has; the group has room for as many
    /// more. 0: `until` passed, or the group is closed and nothing is left.
    std::uint32_t next(fetch& me, deadline until) noexcept
    {
        me.give_back();
        // relaxed: this thread's own store. A fetch of an event loop waits since the last call.
        std::uint32_t count = me.waits.load(std::memory_order_relaxed) ? 0 : me.take();
        if (count == 0) {
            me.inside.store(true, std::memory_order_seq_cst); // seq_cst: G2
            if (!group_.is_detached())
                count = wait(me, until);
            me.inside.store(false, std::memory_order_release); // release: G2; the worker has left
        }
        if (count == 0 && group_.is_detached()) {
            count = take_left(me);
            me.has_ended = count == 0;
        }
        if (count != 0) {
            group_.add_returned(count);
            me.passes.finished_deferred.add(count);
        }
        return count;
    }

    /// The worker's last call. A batch that it has not read goes to the next ready fetch.
    void withdraw(fetch& me) noexcept
    {
        me.sleep_state.disarm(); // the arming of an event loop
        me.give_back();
        me.inside.store(true, std::memory_order_seq_cst); // seq_cst: G2
        bool done = false;
        {
            const std::lock_guard lock(group_.mutex);
            done = group_.withdraw(me);
        }
        if (!done && !World::skips(step::call_when_withdrawn))
            call(me.passes);
        // A waker may have claimed the fetch and not yet written to its eventfd.
        while (!me.sleep_state.is_untouched())
            World::nap();
        me.inside.store(false, std::memory_order_release); // release: G2; the worker has left
    }

    /// For the closing thread. Requests that have not reached the drive are cancelled. Returns once
    /// nothing is under way, and no other thread touches the queue for this group.
    void close(pass_context& by) noexcept
    {
        inbox& place = *group_.place;
        // relaxed, both: as shared_queue::begin_closing().
        place.closing.store(true, std::memory_order_relaxed);
        turns_.polling.closing.fetch_add(1, std::memory_order_relaxed);
        group_.begin_closing();
        call(by);
        bool chosen = false;
        while (!group_.is_detached())
            chosen = poll_or_sleep(by);
        if (chosen && !World::skips(step::pass_duty_on))
            const turn last(turns_, by, place);
        while (!group_.all_left() || !place.sleep_state.is_untouched())
            World::nap();
        turns_.polling.closing.fetch_sub(1, std::memory_order_relaxed); // relaxed: as above
        place.closing.store(false, std::memory_order_relaxed); // relaxed: as above
    }

private:
    using turn = typename turns<World>::turn;
    using sleep_word = sleeper<World::template atomic>;

    void wake_resident(pass_context& by) noexcept
    {
        if (!World::skips(step::wake_resident) && queue_.its_resident.wake())
            by.wakes.add(1);
    }

    /// Makes the poller look at this group: at once, if no thread polls.
    void call(pass_context& by) noexcept
    {
        turns_.polling.groups.call(group_);
        if (turns_.has_resident)
            wake_resident(by);
        else if (turn mine(turns_, by, *group_.place); mine)
            turns_.polling.send_queued();
    }

    std::uint32_t take_left(fetch& me) noexcept
    {
        // The last pass may have delivered a batch.
        std::uint32_t count = me.take();
        if (count != 0)
            return count;
        const std::lock_guard lock(group_.mutex);
        auto& into = me.buffers[me.reading];
        count = group_.take_left(into.requests, me.batch_max);
        if (count == 0)
            return 0;
        me.held = &into;
        return count;
    }

    [[nodiscard]] bool has_ended(const fetch& me) const noexcept
    {
        return me.has_batch() || group_.is_detached();
    }

    std::uint32_t wait(fetch& me, deadline until) noexcept
    {
        me.sleep_state.disarm(); // the arming of an event loop
        me.waits.store(true, std::memory_order_seq_cst); // seq_cst: F3
        if (turns_.has_resident && !World::skips(step::wake_resident_by_post)
            && group_.wants_poller())
            wake_resident(me.passes);
        bool chosen = false; // a releaser chose this worker, and it has not polled since
        std::uint32_t count = 0;
        // The poll loop. It ends when the drive has answered, however long that takes. A batch that
        // was seen may have been taken back for another worker.
        while ((count = me.take()) == 0 && !group_.is_detached()) {
            const bool has_polled = try_to_poll(me, until);
            chosen = chosen && !has_polled;
            if (World::is_over(until))
                break;
            if (has_polled || World::spin_for(me.spins, chosen, until, [&] {
                    return has_ended(me) || (can_poll() && group_.outstanding() != 0);
                }))
                continue;
            chosen = sleep(me, until);
        }
        if (count == 0 && me.by_event)
            count = arm_event(me);
        if (count != 0 || !me.by_event)
            count = stop_waiting(me, count);
        // This thread leaves and does not poll: a turn wakes the next poller.
        if (chosen && !World::skips(step::pass_duty_on))
            const turn last(turns_, me.passes, *group_.place);
        return count;
    }

    /// Ends the wait with `count` requests. From here on the poller may take back an unread batch.
    std::uint32_t stop_waiting(fetch& me, std::uint32_t count) noexcept
    {
        // seq_cst: before the looks into the buffers (F3).
        me.waits.store(false, std::memory_order_seq_cst);
        if (count == 0)
            count = me.take();
        // Another worker may have passed over that batch, and sleep.
        if (count != 0 && me.has_batch() && !World::skips(step::call_about_second_batch))
            call(me.passes);
        return count;
    }

    [[nodiscard]] bool can_poll() const noexcept
    {
        return !turns_.has_resident && queue_.is_role_free();
    }

    /// Polls for all until a batch is there, if no other thread polls and something is outstanding.
    bool try_to_poll(fetch& me, deadline until) noexcept
    {
        if (turns_.has_resident || !group_.wants_poller())
            return false;
        const turn mine(turns_, me.passes, *group_.place);
        if (mine)
            pass_for_batch(me, until);
        return static_cast<bool>(mine);
    }
    void pass_for_batch(fetch& me, deadline until) noexcept
    {
        const auto done
            = [&] { return has_ended(me) || World::is_over(until) || !group_.wants_poller(); };
        if (!has_ended(me))
            pass_until(done, until);
    }
    /// With the role. Makes at least one pass, also after the deadline.
    template <class Done>
    void pass_until(Done done, deadline until) noexcept
    {
        for (;;) {
            const auto found = turns_.polling.pass(nullptr, until);
            turns_.wakes.yield_to_woken();
            if (done())
                return;
            turns_.polling.nap_on_push(found.all);
        }
    }

    /// Arms for an event loop, once next() has nothing for it.
    std::uint32_t arm_event(fetch& me) noexcept
    {
        me.sleep_state.arm(1, 0, sleep_word::waits_by::event);
        if (!has_ended(me))
            return 0;
        me.sleep_state.disarm();
        return me.take();
    }

    /// Sleeps until a batch came, until the worker is chosen to poll, or until `until`. Returns
    /// whether it was chosen.
    bool sleep(fetch& me, deadline until) noexcept
    {
        turns_.begin_sleep();
        me.sleep_state.arm(1);
        // Comes after the arming: a batch that came before it would wake no thread.
        if (!World::skips(step::look_into_buffer_after_arming) && has_ended(me))
            return turns_.end_sleep(me.sleep_state);
        if (!World::skips(step::look_at_role_after_arming) && !turns_.has_resident
            && group_.wants_poller()) {
            const turn mine(turns_, me.passes, *group_.place);
            if (mine) {
                turns_.end_sleep(me.sleep_state); // chosen or not: this thread has the role
                pass_for_batch(me, until);
                return false;
            }
        }
        me.passes.sleeps.add(1);
        for (std::uint32_t value = 0; me.sleep_state.is_armed(value) && !World::is_over(until);)
            World::sleep(me.sleep_state.word(), value, until);
        return turns_.end_sleep(me.sleep_state);
    }

    /// For the closing thread: polls or sleeps until the poller has given up the group. Returns
    /// whether it was chosen to poll and has not.
    bool poll_or_sleep(pass_context& by) noexcept
    {
        inbox& place = *group_.place;
        const auto is_done = [&] { return group_.is_detached(); };
        turns_.begin_sleep();
        place.sleep_state.arm(1);
        if (is_done())
            return turns_.end_sleep(place.sleep_state);
        if (!turns_.has_resident) {
            const turn mine(turns_, by, place);
            if (mine) {
                turns_.end_sleep(place.sleep_state); // chosen or not: this thread has the role
                pass_until(is_done, World::kNever);
                return false;
            }
        }
        by.sleeps.add(1);
        for (std::uint32_t value = 0; place.sleep_state.is_armed(value);)
            World::sleep(place.sleep_state.word(), value, World::kNever);
        return turns_.end_sleep(place.sleep_state);
    }

    shared_queue<World>& queue_;
    turns<World>& turns_;
    group& group_;
};

} // namespace ngpoll::detail
