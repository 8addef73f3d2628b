// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include <ngpoll/mpsc_queue.hpp>

#include "model_atomic.hpp"

namespace ngpoll::test {

using queue = ngpoll::mpsc_queue<model_atomic>;

struct item : queue::node {
    rl::var<int> content; ///< reports accesses of two threads that are not ordered
    int number = 0; ///< the expected value of `content`
    item* behind = nullptr; ///< the next item of its chain
};

/// A scenario's code that runs on a producer between the two steps of its push.
struct interruption {
    virtual void between_steps() = 0;

protected:
    ~interruption() = default;
};

/// A queue with a record of what really happened: the order of the pushes' exchanges, and the
/// nodes that were popped. The record is plain memory, which orders nothing for the code under
/// test.
class checked_queue final : operation_watcher {
public:
    /// Fills the node and pushes it.
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

    /// Pops a node. Checks that its turn has come, that it may be written, and that `emptied` is
    /// true for the last node only.
    item* pop()
    {
        put_back_ = false;
        const std::size_t turn = popped_;
        const auto [taken, emptied] = [this] {
            const watch own(this);
            return tested_.pop(at_);
        }();
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

    /// Call this after all threads are done.
    void check_all_came(std::size_t wanted)
    {
        RL_ASSERT(pushed_ == wanted);
        RL_ASSERT(popped_ == wanted);
        RL_ASSERT(empty());
        RL_ASSERT(pop() == nullptr);
    }

    /// True if `address` is inside the queue object itself.
    [[nodiscard]] bool holds(const void* address) const
    {
        return !std::less<>{}(address, &tested_) && std::less<>{}(address, &tested_ + 1);
    }
    /// The queue that this thread is calling.
    static const checked_queue& in_use()
    {
        return static_cast<const checked_queue&>(*watcher_of_thread[rl::thread_index()]);
    }

    interruption* interrupted_by = nullptr;

private:
    /// Makes the queue watch this thread's operations for the scope, because the thread uses other
    /// atomics, too.
    struct watch {
        explicit watch(checked_queue* by) { watcher_of_thread[rl::thread_index()] = by; }
        ~watch() { watcher_of_thread[rl::thread_index()] = nullptr; }
        watch(const watch&) = delete;
        watch& operator=(const watch&) = delete;
    };

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
        const watch own(this);
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

    /// The stub is back, so the queue is empty although pop() has not returned yet.
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

} // namespace ngpoll::test
