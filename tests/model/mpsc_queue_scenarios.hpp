// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>

#include "checked_queue.hpp"
#include "scenario.hpp"

namespace ngpoll::test {

struct queue_and_items {
    checked_queue tested;
    std::array<item, 8> items;

    void pop_all(std::size_t wanted)
    {
        while (tested.popped() != wanted)
            if (tested.pop() == nullptr)
                rl::yield(1, RL_INFO);
    }
};

/// Producers push two nodes each, one by one. The last thread pops all nodes.
template <int Producers>
struct producers : scenario<producers<Producers>, queue_and_items, Producers + 1> {
    static constexpr std::size_t kWanted = Producers * std::size_t{2};

    void thread(unsigned index)
    {
        queue_and_items& all = this->shared();
        if (index == Producers)
            return all.pop_all(kWanted);
        for (unsigned i = 2 * index; i != 2 * index + 2; ++i)
            all.tested.push(all.items[i], static_cast<int>(i));
    }
    void check() { this->shared().tested.check_all_came(kWanted); }
};

/// One producer pushes a chain of two, the other a single node and then a chain.
struct chains : scenario<chains, queue_and_items, 3> {
    void thread(unsigned index)
    {
        auto& [tested, items] = shared();
        if (index == 0) {
            tested.push_chain(items[0], items[1], 10);
        } else if (index == 1) {
            tested.push(items[2], 20);
            tested.push_chain(items[3], items[4], 30);
        } else {
            shared().pop_all(5);
        }
    }
    void check() { shared().tested.check_all_came(5); }
};

/// The consumer pushes each popped node once more onto the same queue, beside two producers.
struct pushed_back : scenario<pushed_back, queue_and_items, 3> {
    void thread(unsigned index)
    {
        auto& [tested, items] = shared();
        if (index != 2) {
            tested.push(items[index], 10);
            return;
        }
        for (int left = 2; left != 0;) {
            item* const found = tested.pop();
            if (found == nullptr)
                rl::yield(1, RL_INFO);
            else
                tested.push(*found, 20 + --left);
        }
        shared().pop_all(4);
    }
    void check() { shared().tested.check_all_came(4); }
};

/// Requests go round: two rings submit to the poller, which defers them to their owners, and the
/// owners submit them again. Every queue becomes empty and non-empty several times.
struct rings {
    checked_queue submissions;
    std::array<checked_queue, 2> deferred;
    std::array<item, 2> requests;
};
struct round_trips : scenario<round_trips, rings, 3> {
    static constexpr int kRounds = 2;

    void thread(unsigned index)
    {
        if (index == 2)
            return poll();
        rings& all = shared();
        for (int round = 0; round != kRounds; ++round) {
            all.submissions.push(all.requests[index], round);
            while (all.deferred[index].pop() == nullptr)
                rl::yield(1, RL_INFO);
        }
    }
    void poll()
    {
        rings& all = shared();
        for (int left = 2 * kRounds; left != 0;) {
            item* const found = all.submissions.pop();
            if (found == nullptr) {
                rl::yield(1, RL_INFO);
                continue;
            }
            --left;
            all.deferred[found == &all.requests[0] ? 0 : 1].push(*found, 100 + left);
        }
    }
    void check()
    {
        shared().submissions.check_all_came(2 * kRounds);
        for (checked_queue& each : shared().deferred)
            each.check_all_came(kRounds);
    }
};

/// Two threads push and take turns as the consumer, like rings that share a poll queue.
struct queue_and_role : queue_and_items {
    rl::atomic<int> taken{0};
};
struct turns : scenario<turns, queue_and_role, 2> {
    void thread(unsigned index)
    {
        queue_and_role& all = shared();
        for (unsigned i = 2 * index; i != 2 * index + 2; ++i)
            all.tested.push(all.items[i], static_cast<int>(i));
        while (all.tested.popped() != 4) {
            if (all.taken.exchange(1, rl::mo_acquire, RL_INFO) == 0) {
                while (all.tested.pop() != nullptr) { }
                all.taken.store(0, rl::mo_release, RL_INFO);
            }
            rl::yield(1, RL_INFO);
        }
    }
    void check() { shared().tested.check_all_came(4); }
};

/// The consumer knows that some pushes have finished before it calls empty(). Then empty() must not
/// be true while one of their nodes is not popped. Without this knowledge empty() may be true,
/// because it is relaxed.
struct queue_and_count : queue_and_items {
    rl::atomic<std::size_t> finished{0};
};
struct looks : scenario<looks, queue_and_count, 3> {
    void thread(unsigned index)
    {
        queue_and_count& all = shared();
        if (index != 2) {
            for (unsigned i = 2 * index; i != 2 * index + 2; ++i) {
                all.tested.push(all.items[i], static_cast<int>(i));
                all.finished.rmw(
                    rl::rmw_type_t<rl::rmw_type_add>(), std::size_t{1}, rl::mo_release, RL_INFO);
            }
            return;
        }
        while (all.tested.popped() != 4) {
            const std::size_t known = all.finished.load(rl::mo_acquire, RL_INFO);
            const bool empty = all.tested.empty();
            RL_ASSERT(!(empty && known > all.tested.popped()));
            if (all.tested.pop() == nullptr)
                rl::yield(1, RL_INFO);
        }
    }
    void check() { shared().tested.check_all_came(4); }
};

/// Thread 0 stops between its two steps until the consumer lets it go on. Thread 1 pushes behind
/// it. Then each pop() finds nothing, and empty() is false. The node in front of the gap is the
/// stub, or a linked node that must stay where it is.
struct queue_and_gate : queue_and_items {
    rl::atomic<int> gap{0};
    rl::atomic<int> pushed_behind{0};
    rl::atomic<int> may_go_on{0};
    std::size_t in_front = 0; ///< set before `gap`
};
struct stopped_producer final : scenario<stopped_producer, queue_and_gate, 3>, interruption {
    static void wait_for(rl::atomic<int>& flag)
    {
        while (flag.load(rl::mo_acquire, RL_INFO) == 0)
            rl::yield(1, RL_INFO);
    }
    void between_steps() override
    {
        shared().tested.interrupted_by = nullptr;
        shared().gap.store(1, rl::mo_release, RL_INFO);
        wait_for(shared().may_go_on);
    }
    void thread(unsigned index)
    {
        queue_and_gate& all = shared();
        if (index == 0) {
            all.in_front = rl::rand(2);
            if (all.in_front != 0)
                all.tested.push(all.items[0], 10);
            all.tested.interrupted_by = this;
            all.tested.push(all.items[1], 20);
        } else if (index == 1) {
            wait_for(all.gap);
            all.tested.push(all.items[2], 30);
            all.pushed_behind.store(1, rl::mo_release, RL_INFO);
        } else {
            wait_for(all.pushed_behind);
            for (int tries = 0; tries != 3; ++tries) {
                RL_ASSERT(all.tested.pop() == nullptr);
                RL_ASSERT(!all.tested.empty());
            }
            all.may_go_on.store(1, rl::mo_release, RL_INFO);
            all.pop_all(2 + all.in_front);
        }
    }
    void check() { shared().tested.check_all_came(2 + shared().in_front); }
};

} // namespace ngpoll::test
