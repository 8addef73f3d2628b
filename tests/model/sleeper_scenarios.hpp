// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>

#include "scenario.hpp"
#include "sleeping_ring.hpp"

namespace ngpoll::test {

struct owner_and_items {
    sleeping_ring owner;
    std::array<item, 8> items;

    void hand_over_each(std::size_t first, std::size_t count)
    {
        for (std::size_t i = first; i != first + count; ++i)
            owner.hand_over(items[i], static_cast<int>(i));
    }
};

/// Producers hand two nodes each over, one by one. The owner, the last thread, waits for some of
/// them and then for the rest: count-downs meant for the first wait come in the second one.
template <int Producers>
struct handed_over : scenario<handed_over<Producers>, owner_and_items, Producers + 1> {
    static constexpr std::size_t kWanted = Producers * std::size_t{2};

    void thread(unsigned index)
    {
        owner_and_items& all = this->shared();
        if (index != Producers)
            return all.hand_over_each(2 * index, 2);
        const std::size_t at_first = 1 + rl::rand(kWanted);
        all.owner.wait(at_first);
        // It may have found more than it waited for.
        all.owner.wait(kWanted - all.owner.deferred.popped());
    }
    void check() { this->shared().owner.deferred.check_all_came(kWanted); }
};

/// As in one pass: chains, each counted down at once, against single nodes.
struct handed_over_chains : scenario<handed_over_chains, owner_and_items, 3> {
    void thread(unsigned index)
    {
        auto& [owner, items] = shared();
        if (index == 0) {
            owner.hand_over(items[0], items[1], 10);
            owner.hand_over(items[2], 20);
        } else if (index == 1) {
            owner.hand_over(items[3], 30);
            owner.hand_over(items[4], items[5], 40);
        } else {
            owner.wait(1 + rl::rand(6));
            owner.wait(6 - owner.deferred.popped());
        }
    }
    void check() { shared().owner.deferred.check_all_came(6); }
};

/// One node each. The owner waits for them one by one, and so arms anew for each.
template <int Producers>
struct one_by_one : scenario<one_by_one<Producers>, owner_and_items, Producers + 1> {
    void thread(unsigned index)
    {
        owner_and_items& all = this->shared();
        if (index != Producers)
            return all.hand_over_each(index, 1);
        while (all.owner.deferred.popped() != Producers)
            all.owner.wait(1);
    }
    void check() { this->shared().owner.deferred.check_all_came(Producers); }
};

/// The same by events, each asked for after one to all of the nodes that are missing.
template <int Producers>
struct told_by_events : scenario<told_by_events<Producers>, owner_and_items, Producers + 1> {
    void thread(unsigned index)
    {
        owner_and_items& all = this->shared();
        if (index != Producers)
            return all.hand_over_each(index, 1);
        for (std::size_t left = Producers; left != 0;) {
            all.owner.sleeper_.disarm(); // ring::poll
            left -= all.owner.drain();
            if (left == 0)
                break;
            if (all.owner.arm_event(1 + rl::rand(static_cast<unsigned>(left))))
                all.owner.event.read();
            else
                rl::yield(1, RL_INFO);
        }
    }
    void check() { this->shared().owner.deferred.check_all_came(Producers); }
};

/// The resident poller's sleep. Threads 0 and 1 submit, and 0 then ends the poller, when all came.
struct resident_and_items : owner_and_items {
    model_atomic<bool> stop{false};
    rl::atomic<std::size_t> popped{0};
};
struct resident_sleeps : scenario<resident_sleeps, resident_and_items, 3> {
    static constexpr std::size_t kItems = 3;

    void thread(unsigned index)
    {
        resident_and_items& all = shared();
        if (index == 1)
            return all.hand_over_each(0, 2);
        if (index == 0) {
            all.hand_over_each(2, 1);
            while (all.popped.load(rl::mo_relaxed, RL_INFO) != kItems)
                rl::yield(1, RL_INFO);
            end(all);
            return;
        }
        do {
            all.owner.drain();
            all.popped.store(all.owner.deferred.popped(), rl::mo_relaxed, RL_INFO);
        } while (rest(all));
    }
    /// resident_poller::~resident_poller
    static void end(resident_and_items& all)
    {
        all.stop.store(true, std::memory_order_seq_cst);
        if (!goes_wrong(kStopsUnwoken) && all.owner.sleeper_.count_down(1).complete)
            all.owner.wake();
    }
    /// ring::rest
    static bool rest(resident_and_items& all)
    {
        all.owner.sleep(1,
            [&] { return goes_wrong(kNoLookAtStop) || !all.stop.load(std::memory_order_seq_cst); });
        return !all.stop.load(std::memory_order_relaxed);
    }
    void check() { shared().owner.deferred.check_all_came(kItems); }
};

/// relaxed everywhere: these order the threads in time, and no memory.
class gate {
public:
    void open() { open_.store(1, rl::mo_relaxed, RL_INFO); }
    void pass()
    {
        while (open_.load(rl::mo_relaxed, RL_INFO) == 0)
            rl::yield(1, RL_INFO);
    }

private:
    rl::atomic<int> open_{0};
};

/// Thread 0 stops between its two steps until the owner has armed for both nodes. Thread 1 has
/// pushed behind it before, and counted down when nothing was armed.
struct owner_and_gap : owner_and_items {
    gate in_gap, counted_behind, armed;
};
struct counted_behind_a_gap final : scenario<counted_behind_a_gap, owner_and_gap, 3>, interruption {
    void between_steps() override
    {
        if (rl::thread_index() == 2)
            return shared().armed.open();
        shared().owner.deferred.interrupted_by = nullptr;
        shared().in_gap.open();
        shared().armed.pass();
    }
    void thread(unsigned index)
    {
        owner_and_gap& all = shared();
        if (index == 0) {
            all.owner.deferred.interrupted_by = this;
            all.owner.hand_over(all.items[0], 10);
        } else if (index == 1) {
            all.in_gap.pass();
            all.owner.hand_over(all.items[1], 20);
            all.counted_behind.open();
        } else {
            all.counted_behind.pass();
            all.owner.looked_on_by = this;
            all.owner.wait(2);
        }
    }
    void check() { shared().owner.deferred.check_all_came(2); }
};

/// Thread 0 saw the first arming, and counts the second one down. What it pushed the owner has
/// taken; what the second wait is for comes from thread 1, to which nothing looks armed any more.
struct owner_and_late_one : owner_and_items {
    gate armed, seen, armed_anew, counted;
    int armings = 0;
};
struct late_count_down final : scenario<late_count_down, owner_and_late_one, 3>,
                               interruption,
                               operation_watcher {
    void about_to_subtract() override
    {
        shared().seen.open();
        shared().armed_anew.pass();
    }
    void between_steps() override
    {
        if (++shared().armings != 1)
            return shared().armed_anew.open();
        shared().armed.open();
        shared().seen.pass();
    }
    void thread(unsigned index)
    {
        owner_and_late_one& all = shared();
        if (index == 0) {
            all.armed.pass();
            all.owner.deferred.push(all.items[0], 10);
            watcher_of_thread[0] = this;
            const bool complete = all.owner.sleeper_.count_down(1).complete;
            watcher_of_thread[0] = nullptr;
            all.counted.open();
            if (complete)
                all.owner.wake();
        } else if (index == 1) {
            all.counted.pass();
            all.owner.hand_over(all.items[1], 20);
        } else {
            all.owner.looked_on_by = this;
            all.owner.wait(1);
            all.owner.wait(2 - all.owner.deferred.popped());
        }
    }
    void check() { shared().owner.deferred.check_all_came(2); }
};

} // namespace ngpoll::test
