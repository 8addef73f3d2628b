// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "scenario.hpp"
#include "shared_queue_world.hpp"

namespace ngpoll::test {

/// A shared queue with one ring for each thread. The last thread is the resident's.
template <std::uint32_t Rings, bool HasResident = false>
class party {
public:
    party()
    {
        kernel::in_use = &kernel_;
        queue.who_polls().polling.uses_tag = rl::rand(8) != 0;
    }

    /// Opens a ring on the inbox with this number, which no open ring may use.
    ring& open(std::size_t number)
    {
        ring& opened = rings_[rl::thread_index()];
        opened.thread = rl::thread_index();
        opened.passes.number = opened.thread + 1;
        opened.passes.submit_batch_max = 1 + rl::rand(3);
        attach_mutex_.lock(RL_INFO);
        opened.in = &queue.inboxes()[number];
        opened.in->event(RL_INFO) = opened.thread;
        attach_mutex_.unlock(RL_INFO);
        return opened;
    }
    ring& open() { return open(rl::thread_index()); }

    void wait(ring& me, std::uint32_t wanted, time_limit* until = nullptr)
    {
        wanted = std::min(wanted, me.outstanding());
        const std::size_t before = me.finished;
        const std::uint32_t finished = queue.wait(me, wanted, until);
        RL_ASSERT(finished == me.finished - before);
        RL_ASSERT(finished >= wanted || until != nullptr);
    }
    void poll(ring& me)
    {
        const std::size_t before = me.finished;
        const std::uint32_t finished = queue.poll(me);
        RL_ASSERT(finished == me.finished - before);
    }
    void wait_for_all(ring& me) { wait(me, me.outstanding()); }

    /// The ring works elsewhere until another thread has sent its command.
    void compute_until_sent(const request& r)
    {
        while (!r.is_sent)
            rl::yield(1, RL_INFO);
    }
    void poll_until_all_finished(ring& me)
    {
        while (me.outstanding() != 0) {
            poll(me);
            rl::yield(1, RL_INFO);
        }
    }

    kernel::event& event_of(const ring& me) { return kernel_.events[me.thread]; }

    /// Does the steps of ring::close().
    void close(ring& me)
    {
        queue.begin_closing(me);
        while (me.outstanding() != 0)
            wait(me, 1);
        queue.end_closing(me);
        event_of(me).close();
        attach_mutex_.lock(RL_INFO);
        ++closed_;
        attach_mutex_.unlock(RL_INFO);
    }
    /// `closed_` is plain memory, so reading it orders nothing.
    void compute_until_closed(std::size_t count)
    {
        while (closed_ < count)
            rl::yield(1, RL_INFO);
    }

    /// Runs on the resident's thread.
    void run_resident()
    {
        pass_context passes;
        passes.number = Rings + 1;
        queue.its_resident.run(passes, stop_);
        stopped_ = true;
    }
    /// Does the steps of resident_poller's destructor after every ring is closed.
    void stop_resident()
    {
        compute_until_closed(Rings);
        stop_.store(true, std::memory_order_seq_cst);
        queue.its_resident.wake();
    }

    void check()
    {
        RL_ASSERT(stopped_ == HasResident);
        RL_ASSERT(queue.is_role_free() && !queue.has_queued() && drive_.in_flight() == 0);
        for (inbox& each : queue.inboxes())
            RL_ASSERT(each.sleep_state.is_untouched() && each.deferred.empty(each.deferred_at));
        for (const ring& each : rings_)
            RL_ASSERT(each.finished == each.accepted && each.found == each.accepted);
    }

private:
    kernel kernel_;
    drive drive_;
    std::array<ring, Rings> rings_;
    rl::mutex attach_mutex_;
    std::size_t closed_ = 0;
    model_atomic<bool> stop_{false};
    bool stopped_ = false;

public:
    shared_queue queue{drive_, {.rings_max = Rings, .has_resident = HasResident}};
};

/// One thread for each ring, and one for the resident.
template <class Derived, std::uint32_t Rings, bool HasResident = false>
struct gathering : scenario<Derived, party<Rings, HasResident>, Rings + (HasResident ? 1 : 0)> {
    void thread(unsigned index)
    {
        if (index == Rings)
            return this->shared().run_resident();
        static_cast<Derived*>(this)->use(this->shared());
        if (HasResident && index == 0)
            this->shared().stop_resident();
    }
    void check() { this->shared().check(); }
};

/// Each ring waits for all of its requests, or for one after the other, and closes.
template <std::uint32_t Rings, std::size_t Requests, bool HasResident = false>
struct waiting : gathering<waiting<Rings, Requests, HasResident>, Rings, HasResident> {
    void use(party<Rings, HasResident>& all)
    {
        ring& me = all.open();
        for (std::size_t i = 0; i != Requests; ++i)
            me.submit();
        while (me.outstanding() != 0)
            all.wait(me, 1 + rl::rand(Requests));
        all.close(me);
    }
};

/// Each ring makes random calls, with or without a deadline, and computes until some were sent.
template <std::uint32_t Rings, bool HasResident = false>
struct anything : gathering<anything<Rings, HasResident>, Rings, HasResident> {
    void use(party<Rings, HasResident>& all)
    {
        ring& me = all.open();
        for (int calls = 0; calls != 4; ++calls) {
            if (me.accepted != ring::kRequests && rl::rand(2) == 0)
                me.submit();
            time_limit soon;
            switch (rl::rand(HasResident ? 5 : 4)) {
            case 0: all.queue.flush(me); break;
            case 1: all.poll(me); break;
            case 2: all.wait(me, rl::rand(3)); break;
            case 3: all.wait(me, rl::rand(3), &soon); break;
            default:
                if (me.outstanding() != 0)
                    static_cast<void>(all.queue.arm_event(me, 1 + rl::rand(me.outstanding())));
            }
            for (std::size_t i = 0; i != me.accepted && rl::rand(2) == 0; ++i)
                all.compute_until_sent(me.requests[i]);
        }
        all.close(me);
    }
};

/// Each ring waits, or only polls, or computes in between.
template <std::uint32_t Rings, bool HasResident = false>
struct mixed : gathering<mixed<Rings, HasResident>, Rings, HasResident> {
    void use(party<Rings, HasResident>& all)
    {
        ring& me = all.open();
        const request& r = me.submit();
        switch (rl::rand(4)) {
        case 0: break;
        case 1: all.poll_until_all_finished(me); break;
        default: all.queue.flush(me); all.compute_until_sent(r);
        }
        all.wait_for_all(me);
        all.close(me);
    }
};

/// Each ring flushes and then computes. Each push stops between its two steps.
template <std::uint32_t Rings>
struct computing final : gathering<computing<Rings>, Rings>, operation_watcher {
    void exchanged() override
    {
        watcher_of_thread[rl::thread_index()] = nullptr;
        stop_a_while(30);
    }
    void use(party<Rings>& all)
    {
        ring& me = all.open();
        const request& r = me.submit();
        watcher_of_thread[me.thread] = this;
        all.queue.flush(me);
        watcher_of_thread[me.thread] = nullptr;
        all.compute_until_sent(r);
        all.wait_for_all(me);
        all.close(me);
    }
};

/// A ring waits for its first request while its second one is staged. The second one must be sent,
/// however the wait ends.
struct sending_by_wait : gathering<sending_by_wait, 2> {
    void use(party<2>& all)
    {
        ring& me = all.open();
        me.submit();
        all.queue.flush(me);
        if (me.thread == 0) {
            const request& second = me.submit();
            time_limit soon;
            all.wait(me, 1, rl::rand(2) == 0 ? nullptr : &soon);
            all.compute_until_sent(second);
        }
        all.wait_for_all(me);
        all.close(me);
    }
};

/// Ring 0 leaves a wait at its deadline, and comes back after all other rings have closed.
template <std::uint32_t Rings>
struct leaving : gathering<leaving<Rings>, Rings> {
    void use(party<Rings>& all)
    {
        ring& me = all.open();
        me.submit();
        if (me.thread == 0) {
            time_limit soon;
            all.wait(me, 1, &soon);
            all.compute_until_closed(Rings - 1);
        }
        all.wait_for_all(me);
        all.close(me);
    }
};

/// Rings close with requests that are staged, queued, in flight or handed over.
template <std::uint32_t Rings, bool HasResident = false>
struct closing : gathering<closing<Rings, HasResident>, Rings, HasResident> {
    void use(party<Rings, HasResident>& all)
    {
        ring& me = all.open();
        me.submit();
        me.submit();
        switch (rl::rand(4)) {
        case 0: break;
        case 1: all.queue.flush(me); break;
        case 2: all.poll(me); break;
        default: all.wait(me, 1);
        }
        all.close(me);
    }
};

/// Ring 2 is opened on the inbox of ring 0 after ring 0 is closed.
struct reopening : gathering<reopening, 3> {
    void use(party<3>& all)
    {
        if (rl::thread_index() == 2)
            all.compute_until_closed(1);
        const bool is_first = rl::thread_index() == 0;
        ring& me = all.open(rl::thread_index() == 2 ? 0 : rl::thread_index());
        me.submit();
        me.submit();
        if (is_first && rl::rand(2) == 0)
            all.wait(me, 1);
        else
            all.wait_for_all(me);
        if (rl::thread_index() == 1)
            all.compute_until_closed(1);
        all.close(me);
    }
};

/// Two commands complete only after ring 1 goes on, so its wake-up must not wait for them.
struct depending : gathering<depending, 2> {
    void use(party<2>& all)
    {
        ring& me = all.open();
        request& first = me.submit();
        if (me.thread == 0) {
            held_[0] = &first;
            first.held = true;
        } else {
            held_[1] = &me.submit();
            held_[1]->held = true;
            all.wait(me, 1);
            for (request* const each : held_)
                each->held = false;
        }
        all.wait_for_all(me);
        all.close(me);
    }

private:
    std::array<request*, 2> held_{};
};

/// Rings in event loops. A ring that has armed may also wait or close.
template <std::uint32_t Rings>
struct told_by_events : gathering<told_by_events<Rings>, Rings, true> {
    void use(party<Rings, true>& all) { loop(all, all.open()); }
    static void loop(party<Rings, true>& all, ring& me)
    {
        me.submit();
        me.submit();
        while (me.outstanding() != 0) {
            const bool armed = all.queue.arm_event(me, 1 + rl::rand(me.outstanding()));
            const unsigned next = rl::rand(4);
            if (armed && next == 0)
                break;
            if (armed && next == 1) {
                all.wait(me, 1);
                continue;
            }
            if (armed)
                all.event_of(me).read();
            all.poll(me);
        }
        all.close(me);
    }
};

/// The second ring is opened on the first ring's inbox, with its own event. The resident may be
/// late with a count-down and meet the second ring's arming.
struct reopening_with_events final : gathering<reopening_with_events, 2, true>, operation_watcher {
    void about_to_compare_exchange() override { stop_a_while(100); }
    void use(party<2, true>& all)
    {
        watcher_of_thread[2] = this;
        all.compute_until_closed(static_cast<std::size_t>(rl::thread_index()));
        told_by_events<2>::loop(all, all.open(0));
    }
};

} // namespace ngpoll::test
