// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>

#include <ngpoll/mpsc_queue.hpp>

#include "model_atomic.hpp"

namespace ngpoll::test {

using queue = ngpoll::mpsc_queue<model_atomic>;

struct item : queue::node {
    rl::var<int> content; ///< an error where two threads' accesses are not ordered
    int number = 0; ///< what `content` has to be
    item* behind = nullptr; ///< the next of its chain
};

/// What a scenario does to a producer between the two steps of its push.
struct interruption {
    virtual void between_steps() = 0;

protected:
    ~interruption() = default;
};

/// A queue beside a record of what really happened: in which order nodes were exchanged in, and
/// which are gone. The record is plain memory, which orders nothing for the code under test.
class checked_queue final : operation_watcher {
public:
    /// Fills the node in and pushes it.
    void push(item& pushed, int number)
    {
        fill(pushed, number);
        push_filled(pushed, pushed);
    }

    void push_chain(item& first, item& second, int number)
    {
        fill(first, number);
        fill(second, number + 1);
        first.behind = &second;
        // relaxed: the push publishes it.
        first.next.store(&second, std::memory_order_relaxed);
        push_filled(first, second);
    }

    /// Checks that the node is the one whose turn it is and may be written, `emptied` that it was
    /// the last, and takes it.
    item* pop()
    {
        watcher_of_thread[rl::thread_index()] = this;
        put_back_ = false;
        const std::size_t turn = popped_;
        const auto [taken, emptied] = tested_.pop(at_);
        RL_ASSERT(emptied == put_back_);
        if (taken == nullptr) {
            RL_ASSERT(!put_back_);
            return nullptr;
        }
        RL_ASSERT(turn < pushed_ && taken == order_[turn]);
        popped_ = turn + 1;
        item& found = *order_[turn];
        RL_ASSERT(found.content(RL_INFO) == found.number);
        found.content(RL_INFO) = -1;
        return &found;
    }

    bool empty()
    {
        const bool found = tested_.empty(at_);
        RL_ASSERT(found || popped_ != pushed_);
        return found;
    }

    [[nodiscard]] std::size_t popped() const { return popped_; }

    /// After all threads are done.
    void check_all_came(std::size_t wanted)
    {
        RL_ASSERT(pushed_ == wanted);
        RL_ASSERT(popped_ == wanted);
        RL_ASSERT(empty());
        RL_ASSERT(pop() == nullptr);
    }

    /// Whether it is a part of the queue itself.
    [[nodiscard]] bool holds(const void* address) const
    {
        return !std::less<>{}(address, &tested_) && std::less<>{}(address, &tested_ + 1);
    }
    /// What this thread has called last.
    static const checked_queue& in_use()
    {
        return static_cast<const checked_queue&>(*watcher_of_thread[rl::thread_index()]);
    }

    interruption* interrupted_by = nullptr;

private:
    struct push_record {
        item* first = nullptr;
        bool found_empty = false;
    };

    static void fill(item& filled, int number)
    {
        filled.number = number;
        filled.content(RL_INFO) = number;
        filled.behind = nullptr;
    }

    void push_filled(item& first, item& last)
    {
        push_record& mine = push_of_thread_[rl::thread_index()];
        mine.first = &first;
        watcher_of_thread[rl::thread_index()] = this;
        const bool was_empty = tested_.push_chain(first, last);
        RL_ASSERT(was_empty == mine.found_empty);
    }

    void exchanged() override
    {
        push_record& mine = push_of_thread_[rl::thread_index()];
        mine.found_empty = popped_ == pushed_;
        for (item* each = mine.first; each != nullptr; each = each->behind)
            order_.at(pushed_++) = each;
        if (interrupted_by != nullptr)
            interrupted_by->between_steps();
    }

    /// The stub is back: the queue is empty from here on, though pop() has not returned yet.
    void compare_exchanged() override
    {
        put_back_ = true;
        ++popped_;
        RL_ASSERT(popped_ == pushed_);
    }

    queue tested_;
    queue::cursor at_{tested_};
    std::array<item*, 16> order_{};
    std::array<push_record, kModelThreadsMax> push_of_thread_{};
    std::size_t pushed_ = 0;
    std::size_t popped_ = 0;
    bool put_back_ = false;
};

/// What Relacy runs: thread(i) of `Threads` threads. What they share is built afresh for each
/// schedule, in storage of its own: Relacy places the scenario by malloc, which knows no
/// alignas(64). A schedule that fails never comes to after(): its objects are abandoned, not
/// destroyed, because Relacy's side of them is gone by then.
template <class Derived, class Shared, int Threads>
struct scenario : rl::test_suite<Derived, Threads> {
    Shared& shared() { return *std::launder(reinterpret_cast<Shared*>(bytes_)); }
    void before()
    {
        watcher_of_thread.fill(nullptr);
        std::construct_at(reinterpret_cast<Shared*>(bytes_));
    }
    void after()
    {
        static_cast<Derived*>(this)->check();
        std::destroy_at(&shared());
    }

private:
    alignas(Shared) static inline std::byte bytes_[sizeof(Shared)];
};

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

/// Producers push two nodes each, one by one; the last thread pops them all.
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

/// A chain of two against two single nodes, and a chain behind them.
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

/// The consumer pushes what it pops once more onto the same queue, beside two producers.
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

/// As requests go round: two rings submit theirs to the poller, who defers them to their owners,
/// and once back they go again. Every queue is emptied and filled several times.
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

/// Two threads push and take turns as the consumer, as rings do that share a poll queue.
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

/// The consumer hears that pushes have finished before it looks: then empty() must not be true
/// while one of them has not been popped. (Without hearing of it, it may be: the look is relaxed.)
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

/// Thread 0 stops between its two steps until the consumer lets it go on, and thread 1 has pushed
/// behind it: pop() then finds nothing at each try, and empty() says false. The node in front of
/// the gap is the stub, or one that is linked and has to stay where it is.
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
