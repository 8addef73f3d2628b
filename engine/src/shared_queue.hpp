// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "inbox.hpp"
#include "poller.hpp"
#include "protocol_step.hpp"
#include "resident.hpp"
#include "sleeper.hpp"
#include "turns.hpp"

namespace ngpoll::detail {

/// The protocol of a shared poll queue. It decides which thread polls and which threads sleep, and
/// brings completions to their owners. One thread at a time has the poller's role: the resident for
/// good, or a ring that waits, until its own wait is over. See engine/docs/shared_queue.md.
///
/// Calls by thread. The ring's own thread calls poll(), wait(), flush(), arm_event(),
/// begin_closing() and end_closing(). Any thread may call all other functions.
///
/// `World` names the types that the protocol stands on: the atomics, requests and rings, the drive,
/// time and sleep. The engine's is `native`. A model checker brings another and runs this very
/// code.
///
/// Rules, beside that of turns: no timer repairs anything, so a wait without a deadline never times
/// out. Completions of one ring come in the order in which they were found.
template <class World>
class shared_queue {
public:
    using request = typename World::request;
    using inbox = typename World::inbox;
    using owner = typename World::owner; ///< only the ring's thread touches it
    using pass_context = typename World::pass_context; ///< the tools of a thread that polls
    using deadline = typename World::deadline;

    /// Most callbacks between two looks at a deadline.
    static constexpr std::size_t kCallbacksPerLook = 16;

    struct options {
        std::uint32_t rings_max = 1;
        bool has_resident = false;
    };
    shared_queue(typename World::drive& below, options requested)
        : turns_(below, requested.rings_max, requested.has_resident)
    {
    }
    shared_queue(const shared_queue&) = delete;
    shared_queue& operator=(const shared_queue&) = delete;

    // ---- A ring's own thread.

    /// Sends, finishes requests that were handed over, and makes a pass unless another thread
    /// polls.
    std::uint32_t poll(owner& me) noexcept
    {
        me.in->sleep_state.disarm(); // the arming of an earlier arm_event()
        push_staged(me);
        const turn mine(turns_, me.passes, *me.in);
        // With the role, if it is free: no other thread hands anything over between this and the
        // pass. The pass may find requests that were sent later.
        std::uint32_t finished = drain(me, World::kNever);
        if (mine)
            finished += turns_.polling.pass(&me, World::kNever).finished_inline;
        return finished;
    }

    std::uint32_t wait(owner& me, std::uint32_t wanted, deadline until) noexcept
    {
        std::uint32_t finished = 0;
        bool pushed = false; // this thread has not tried for the role since
        bool chosen = false; // a releaser chose this ring, and it has not polled since
        // The poll loop. It ends when the drive has answered, however long that takes.
        for (unsigned in_vain = 0;;) {
            pushed = push_staged(me) || pushed;
            const std::uint32_t drained = drain(me, until);
            finished += drained;
            if (finished >= wanted || World::is_over(until))
                break;
            pushed = false;
            if (turn mine(turns_, me.passes, *me.in); mine) {
                chosen = false;
                finished += poll_for_all(me, wanted - finished, until);
                continue;
            }
            in_vain = drained == 0 ? in_vain + 1 : 0; // spin_for() saw what this thread cannot get
            if (in_vain > 2)
                World::nap(); // a poller is between the two steps of its push
            if (World::spin_for(me.spins, chosen, until, [&] {
                    return !me.in->deferred.empty(me.in->deferred_at) || (chosen && is_role_free());
                }))
                continue;
            const sleep_result result = sleep(me, wanted - finished, until);
            chosen = result.chosen && !World::skips(step::pass_duty_on);
            finished += result.finished;
            in_vain = result.slept || result.finished != 0 ? 0 : in_vain;
        }
        // This thread leaves and does not poll: a turn sends its pushed requests, and wakes the
        // next poller.
        if (chosen || (pushed && !World::skips(step::send_before_leaving)))
            const turn last(turns_, me.passes, *me.in);
        return finished;
    }

    void flush(owner& me) noexcept
    {
        if (!push_staged(me))
            return;
        if (turn mine(turns_, me.passes, *me.in); mine)
            turns_.polling.send_queued();
    }

    /// Only where another thread polls. Returns false if there is something to finish.
    bool arm_event(owner& me, std::uint32_t wanted) noexcept
    {
        me.in->sleep_state.disarm();
        push_staged(me);
        me.in->sleep_state.arm(wanted, 0, sleep_word::waits_by::event);
        if (me.in->deferred.empty(me.in->deferred_at))
            return true;
        me.in->sleep_state.disarm();
        return false;
    }

    /// From here on, requests that this ring has queued and the drive has not got are cancelled.
    void begin_closing(owner& me) noexcept
    {
        // relaxed, both: requests sent meanwhile were on their way; the poller looks in each pass.
        me.in->closing.store(true, std::memory_order_relaxed);
        turns_.polling.closing.fetch_add(1, std::memory_order_relaxed);
    }

    /// The ring's last call, with nothing outstanding. Returns when no thread touches the ring any
    /// more.
    void end_closing(owner& me) noexcept
    {
        me.in->sleep_state.disarm(); // the arming of an earlier arm_event()
        // A waker may have claimed the ring and not yet written to its eventfd.
        while (!World::skips(step::wait_for_touch) && !me.in->sleep_state.is_untouched())
            World::nap();
        // relaxed, both: as in begin_closing(); nothing of this ring is queued.
        turns_.polling.closing.fetch_sub(1, std::memory_order_relaxed);
        me.in->closing.store(false, std::memory_order_relaxed);
    }

    // ---- Any thread.

    [[nodiscard]] bool has_resident() const noexcept { return turns_.has_resident; }
    [[nodiscard]] std::span<inbox> inboxes() noexcept { return turns_.inboxes(); }
    [[nodiscard]] bool is_role_free() const noexcept { return turns_.is_role_free(); }
    [[nodiscard]] bool has_queued() const noexcept { return !turns_.submissions.all_popped(); }
    [[nodiscard]] turns<World>& who_polls() noexcept { return turns_; }

private:
    using turn = typename turns<World>::turn;
    using sleep_word = sleeper<World::template atomic>;

    /// Returns whether anything was pushed.
    bool push_staged(owner& me) noexcept
    {
        request* first = nullptr;
        request* last = nullptr;
        const std::uint32_t count = me.take_staged(first, last);
        if (count == 0)
            return false;
        me.in->pushed.add(count);
        turns_.submissions.push_chain(*first, *last);
        if (turns_.has_resident && !World::skips(step::wake_resident) && its_resident.wake())
            me.passes.wakes.add(1);
        return true;
    }

    std::uint32_t drain(owner& me, deadline until) noexcept
    {
        std::size_t finished = 0;
        std::size_t some = kCallbacksPerLook;
        // Bounded: each request belongs to this ring, and a request that its callback submits again
        // is not sent before this ends.
        while (some == kCallbacksPerLook) {
            some = me.in->deferred.pop_each(me.in->deferred_at, kCallbacksPerLook,
                [&me](auto& node) noexcept { me.finish_deferred(static_cast<request&>(node)); });
            finished += some;
            if (World::is_over(until))
                break;
        }
        if (finished != 0) {
            me.passes.finished_deferred.add(finished);
            me.in->drained.add(finished);
        }
        return static_cast<std::uint32_t>(finished);
    }

    /// With the role: makes passes until `wanted` requests of this ring have finished.
    std::uint32_t poll_for_all(owner& me, std::uint32_t wanted, deadline until) noexcept
    {
        // Requests that the last poller found for this ring finish before those that this ring
        // finds now.
        std::uint32_t finished = drain(me, until);
        while (finished < wanted && !World::is_over(until)) {
            const auto found = turns_.polling.pass(&me, until);
            turns_.wakes.yield_to_woken();
            finished += found.finished_inline + drain(me, until);
            if (!push_staged(me))
                turns_.polling.nap_on_gap(found.all);
        }
        return finished;
    }

    struct sleep_result {
        bool slept = false, chosen = false;
        std::uint32_t finished = 0; ///< the thread polled instead
    };
    /// Sleeps until `missing` completions came, until the ring is chosen to poll, or until `until`.
    /// Polls instead if the role is free.
    sleep_result sleep(owner& me, std::uint32_t missing, deadline until) noexcept
    {
        sleep_result result;
        sleep_word& word = me.in->sleep_state;
        turns_.begin_sleep();
        word.disarm(); // the arming of an earlier arm_event()
        word.arm(missing, me.outstanding() - missing);
        // If the queue is not empty and nothing can be popped, a poller is between its two steps.
        // It may have looked for a sleeper already, so this thread must not sleep either.
        if (!World::skips(step::look_into_inbox_after_arming)
            && !me.in->deferred.empty(me.in->deferred_at)) {
            result.chosen = turns_.end_sleep(word);
            return result;
        }
        if (!World::skips(step::look_at_role_after_arming)) {
            if (turn mine(turns_, me.passes, *me.in); mine) {
                turns_.end_sleep(word); // chosen or not: this thread has the role
                result.finished = poll_for_all(me, missing, until);
                return result;
            }
        }
        result.slept = true;
        me.passes.sleeps.add(1);
        for (std::uint32_t value = 0; word.is_armed(value) && !World::is_over(until);)
            World::sleep(word.word(), value, until);
        result.chosen = turns_.end_sleep(word);
        return result;
    }

    turns<World> turns_;

public:
    /// The resident of role_policy::resident, and the one of a group by interrupt.
    resident<World> its_resident{turns_};
};

} // namespace ngpoll::detail
