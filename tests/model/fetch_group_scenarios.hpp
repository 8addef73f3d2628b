// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "scenario.hpp"
#include "shared_queue_world.hpp"

namespace ngpoll::test {

/// The thread that polls.
enum class polls : std::uint8_t {
    waiter, ///< a worker that waits, or the thread that submits
    resident,
    interrupt, ///< the group's thread, which sleeps on an eventfd
};

/// A group on a shared queue. The first threads are its workers. Then come the thread that submits
/// and closes, and the resident's thread. The queue has one more place, for a ring.
template <std::uint32_t Workers, polls Kind = polls::waiter>
class pool {
public:
    static constexpr std::size_t kRequests = 3;
    static constexpr std::uint32_t kSubmitter = Workers;
    static constexpr std::uint32_t kPlaces = 2;
    static constexpr bool kHasResident = Kind != polls::waiter;

    pool()
    {
        kernel::in_use = &kernel_;
        its.reopen(kRequests, queue.inboxes()[0]);
        queue.inboxes()[0].group.store(&its, std::memory_order_release);
        for (std::size_t i = 0; i < Workers; ++i) {
            for (std::size_t k = 0; k < 2; ++k)
                fetches_[i].buffers[k].requests = arrays_[i][k].data();
            fetches_[i].event(RL_INFO) = i;
            its.fetches.add(fetches_[i]);
        }
    }
    void set_depth(std::uint32_t depth) { its.depth = depth; }

    /// Posts the calling worker's fetch.
    fetch& post(std::uint32_t batch_max = 2)
    {
        fetch& mine = fetches_[rl::thread_index()];
        const std::lock_guard lock(its.mutex);
        mine.batch_max = batch_max;
        mine.reading = mine.filling = 0;
        mine.passes.number = rl::thread_index() + 1;
        its.post(mine);
        ++posted;
        return mine;
    }
    /// Takes a batch. Returns false if the group is closed and nothing will come.
    bool next(fetch& mine, time_limit* until = nullptr)
    {
        const std::uint32_t count = calls.next(mine, until);
        for (std::uint32_t i = 0; i < count; ++i) {
            request& r = *mine.held->requests[i];
            r.becomes(request::finished, kTaken);
            ++taken;
            if (resubmits != 0) {
                --resubmits;
                submit(r);
            }
        }
        RL_ASSERT(count <= mine.batch_max);
        RL_ASSERT(count != 0 || until != nullptr || its.is_detached());
        return count != 0 || !its.is_detached();
    }
    void work(fetch& mine)
    {
        while (next(mine)) { }
        calls.withdraw(mine);
    }

    /// The group must have room. The pause lets workers fall asleep first.
    void submit(request& r)
    {
        if (rl::rand(2) == 0)
            stop_a_while(40);
        RL_ASSERT(its.take_credits(1) == 1);
        ++submitted;
        r.content(RL_INFO) = request::staged;
        r.owner = its.place;
        pass_context by;
        calls.push(r, r, by);
        its.leave(1);
    }
    void submit_two(request& first, request& second)
    {
        RL_ASSERT(its.take_credits(2) == 2);
        submitted += 2;
        first.content(RL_INFO) = second.content(RL_INFO) = request::staged;
        first.owner = second.owner = its.place;
        first.next.store(&second, std::memory_order_relaxed);
        pass_context by;
        calls.push(first, second, by);
        its.leave(2);
    }
    /// `taken` is plain memory, so it orders nothing.
    void compute_until_taken(std::size_t count)
    {
        while (taken < count)
            rl::yield(1, RL_INFO);
    }
    void compute_until_posted(std::size_t count)
    {
        while (posted < count)
            rl::yield(1, RL_INFO);
    }
    void close()
    {
        pass_context by;
        calls.close(by);
        its.place->group.store(nullptr, std::memory_order_relaxed);
        // No thread is in the queue's code for this group any more, so the queue could be
        // destroyed.
        if (is_alone)
            drive_.turn_begins();
        closed = true;
    }

    void run_resident()
    {
        pass_context passes;
        passes.number = kSubmitter + 2;
        if constexpr (Kind == polls::interrupt)
            queue.its_resident.run_by_interrupt(passes, stop_, kSubmitter + 1);
        else
            queue.its_resident.run(passes, stop_);
    }
    void stop_resident()
    {
        stop_.store(true, std::memory_order_seq_cst);
        queue.its_resident.wake();
    }

    void check()
    {
        RL_ASSERT(queue.is_role_free() && !queue.has_queued() && drive_.in_flight() == 0);
        for (const inbox& each : queue.inboxes())
            RL_ASSERT(each.sleep_state.is_untouched());
        for (const fetch& each : fetches_)
            RL_ASSERT(each.sleep_state.is_untouched() && !each.has_parked());
        // Each request was taken once, or a close without fetches finished it in place.
        for (request& each : requests) {
            const int state = each.content(RL_INFO);
            RL_ASSERT(state == 0 || state == kTaken || state == request::finished);
            left_in_place += state == request::finished ? 1 : 0;
        }
        RL_ASSERT(taken + left_in_place == submitted);
        RL_ASSERT(left_in_place == 0 || may_finish_in_place);
    }

private:
    static constexpr int kTaken = request::finished + 1;

    kernel kernel_;
    drive drive_;
    std::array<fetch, Workers> fetches_;
    std::array<std::array<std::array<request*, 4>, 2>, Workers> arrays_{};
    model_atomic<bool> stop_{false};

public:
    shared_queue queue{drive_, {.rings_max = kPlaces, .has_resident = kHasResident}};
    group its;
    group_queue calls{queue, its};
    std::array<request, kRequests> requests;
    std::size_t submitted = 0, taken = 0, posted = 0, left_in_place = 0, resubmits = 0;
    bool closed = false;
    bool may_finish_in_place = false;
    bool is_alone = !kHasResident; ///< neither a ring nor a resident polls the drive
};

/// One thread for each worker, the submitter, a ring and the resident, in that order.
template <class Derived, std::uint32_t Workers, polls Kind = polls::waiter, bool HasRing = false>
struct feeding_scenario : scenario<Derived, pool<Workers, Kind>,
                              Workers + 1 + (HasRing ? 1 : 0) + (Kind == polls::waiter ? 0 : 1)> {
    using crowd = pool<Workers, Kind>;

    void thread(unsigned index)
    {
        auto& all = this->shared();
        if (index < Workers)
            return static_cast<Derived*>(this)->work(all);
        if (index > Workers)
            return HasRing && index == Workers + 1 ? static_cast<Derived*>(this)->use_ring(all)
                                                   : all.run_resident();
        static_cast<Derived*>(this)->submit(all);
        all.close();
        if (HasRing)
            while (!ring_closed_)
                rl::yield(1, RL_INFO);
        if (Kind != polls::waiter)
            all.stop_resident();
    }
    /// Overridden by scenarios whose workers do more than take batches.
    void work(crowd& all) { all.work(all.post(1 + rl::rand(2))); }
    void use_ring(crowd&) { }
    void check() { this->shared().check(); }

protected:
    bool ring_closed_ = false;
};

/// Three requests, one after the other or two at once. The group closes after all were taken, or at
/// once.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct feeding : feeding_scenario<feeding<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void submit(crowd& all)
    {
        all.compute_until_posted(Workers);
        if (rl::rand(2) == 0)
            all.submit_two(all.requests[0], all.requests[1]);
        else
            all.submit(all.requests[0]);
        if (rl::rand(2) == 0)
            all.submit(all.requests[2]);
        if (rl::rand(2) == 0)
            all.compute_until_taken(all.submitted);
    }
};

/// Workers work on their first batch until all requests are taken. Worker 0 comes back at once.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct stalling : feeding_scenario<stalling<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void work(crowd& all)
    {
        fetch& mine = all.post(1);
        if (rl::thread_index() != 0 && all.next(mine))
            all.compute_until_taken(crowd::kRequests);
        all.work(mine);
    }
    void submit(crowd& all)
    {
        all.compute_until_posted(Workers);
        all.submit(all.requests[0]);
        all.submit_two(all.requests[1], all.requests[2]);
        all.compute_until_taken(crowd::kRequests);
    }
};

/// Stops a thread after it has armed, or has taken a batch: what other threads do meanwhile is rare
/// otherwise.
class slow_thread final : operation_watcher {
public:
    slow_thread() { watcher_of_thread[rl::thread_index()] = this; }
    slow_thread(const slow_thread&) = delete;
    slow_thread& operator=(const slow_thread&) = delete;
    ~slow_thread() { watcher_of_thread[rl::thread_index()] = nullptr; }

private:
    void added() override { stop(); }
    void compare_exchanged() override { stop(); }
    static void stop()
    {
        if (rl::rand(2) == 0)
            stop_a_while(60);
    }
};

/// Workers come late, and work on their first batch until all requests are taken. Worker 0 comes
/// back at once. A worker that leaves with a batch may have been chosen to poll, or have got
/// another batch, at the last moment.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct coming_late : feeding_scenario<coming_late<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void work(crowd& all)
    {
        fetch& mine = all.post(1);
        const slow_thread slow;
        if (rl::rand(2) == 0)
            stop_a_while(60);
        if (rl::thread_index() != 0 && all.next(mine))
            all.compute_until_taken(count_);
        all.work(mine);
    }
    void submit(crowd& all)
    {
        all.compute_until_posted(Workers);
        count_ = 2 + rl::rand(2);
        all.submit_two(all.requests[0], all.requests[1]);
        if (count_ == 3)
            all.submit(all.requests[2]);
        all.compute_until_taken(count_);
    }

private:
    std::size_t count_ = crowd::kRequests;
};

/// Workers leave at a deadline, and then go on or withdraw. Worker 0 takes the remaining requests.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct withdrawing : feeding_scenario<withdrawing<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void work(crowd& all)
    {
        fetch& mine = all.post(1 + rl::rand(2));
        if (rl::thread_index() == 0)
            return all.work(mine);
        switch (rl::rand(4)) {
        case 0: break;
        case 1: all.next(mine); break;
        default:
            time_limit soon;
            all.next(mine, &soon);
            if (rl::rand(2) == 0)
                all.compute_until_taken(crowd::kRequests);
        }
        all.calls.withdraw(mine);
    }
    void submit(crowd& all)
    {
        all.compute_until_posted(Workers);
        all.submit_two(all.requests[0], all.requests[1]);
        all.submit(all.requests[2]);
        all.compute_until_taken(crowd::kRequests);
    }
};

/// Workers leave at a deadline or withdraw, and the group closes at any time.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct closing_pool : feeding_scenario<closing_pool<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void work(crowd& all)
    {
        fetch& mine = all.post(1 + rl::rand(2));
        if (rl::rand(2) == 0)
            return all.work(mine);
        time_limit soon;
        if (rl::rand(2) == 0)
            all.next(mine, &soon);
        all.calls.withdraw(mine);
    }
    void submit(crowd& all)
    {
        all.may_finish_in_place = true;
        all.compute_until_posted(Workers);
        if (rl::rand(2) == 0)
            all.submit_two(all.requests[0], all.requests[1]);
        if (rl::rand(2) == 0)
            all.submit(all.requests[2]);
    }
};

/// With a depth of 1 a request is submitted again as soon as it arrives.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct resubmitting : feeding_scenario<resubmitting<Workers, Kind>, Workers, Kind> {
    using crowd = pool<Workers, Kind>;
    void submit(crowd& all)
    {
        all.set_depth(1);
        all.compute_until_posted(Workers);
        all.resubmits = 2;
        all.submit(all.requests[0]);
        all.compute_until_taken(3);
    }
};

/// A ring on the same queue waits for its own requests.
template <std::uint32_t Workers, polls Kind = polls::waiter>
struct beside_a_ring : feeding_scenario<beside_a_ring<Workers, Kind>, Workers, Kind, true> {
    using crowd = pool<Workers, Kind>;
    void submit(crowd& all)
    {
        all.compute_until_posted(Workers);
        all.submit_two(all.requests[0], all.requests[1]);
        all.compute_until_taken(2);
    }
    void use_ring(crowd& all)
    {
        all.is_alone = false;
        me_.thread = rl::thread_index();
        me_.passes.number = me_.thread + 1;
        me_.in = &all.queue.inboxes()[1];
        me_.in->event(RL_INFO) = me_.thread;
        for (std::size_t i = 0; i != ring::kRequests; ++i) {
            me_.submit();
            all.queue.wait(me_, 1, nullptr);
        }
        all.queue.begin_closing(me_);
        all.queue.end_closing(me_);
        this->ring_closed_ = true;
    }

private:
    ring me_;
};

} // namespace ngpoll::test
