// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include <ngpoll/mpsc_queue.hpp>

#include "catch.hpp"
#include "support.hpp"

namespace {

/// Callbacks between two steps of a queue's operation. Each runs once and is then removed.
struct {
    /// A producer has exchanged the tail, but not linked its node.
    std::function<void()> after_exchange;
    std::function<void()> before_put_back; ///< the consumer is about to put the stub back
} interruption;

void run_once(std::function<void()>& what)
{
    if (const auto taken = std::exchange(what, nullptr))
        taken();
}

/// A std::atomic that runs a test's code at the two points where threads meet.
template <class T>
class interruptible : public std::atomic<T> {
public:
    using std::atomic<T>::atomic;

    T exchange(T wanted, std::memory_order order) noexcept
    {
        const T found = std::atomic<T>::exchange(wanted, order);
        run_once(interruption.after_exchange);
        return found;
    }
    bool compare_exchange_strong(
        T& expected, T wanted, std::memory_order success, std::memory_order failure) noexcept
    {
        run_once(interruption.before_put_back);
        return std::atomic<T>::compare_exchange_strong(expected, wanted, success, failure);
    }
};

using queue = ngpoll::mpsc_queue<interruptible>;

struct item : queue::node {
    std::size_t number = 0;
};

struct fixture {
    queue tested;
    queue::cursor at{tested};
    item items[8];

    fixture()
    {
        for (std::size_t i = 0; i < std::size(items); ++i)
            items[i].number = i;
    }

    queue::node* pop() { return tested.pop(at).taken; }
    bool empty() { return tested.empty(at); }

    /// Links items `first` to `last` and pushes them as one chain.
    bool push_chain(std::size_t first, std::size_t last)
    {
        for (std::size_t i = first; i < last; ++i)
            items[i].next.store(&items[i + 1], std::memory_order_relaxed);
        return tested.push_chain(items[first], items[last]);
    }
};

} // namespace

TEST_CASE("a new queue is empty and pops nothing")
{
    fixture f;
    CHECK(f.empty());
    for (int again = 0; again < 3; ++again) {
        const auto found = f.tested.pop(f.at);
        CHECK(found.taken == nullptr);
        CHECK_FALSE(found.emptied);
    }
    CHECK(f.empty());
}

TEST_CASE("nodes are popped in the order they were pushed")
{
    fixture f;
    for (item& each : f.items)
        f.tested.push(each);
    for (item& each : f.items) {
        CHECK_FALSE(f.empty());
        CHECK(f.pop() == &each);
    }
    CHECK(f.pop() == nullptr);
    CHECK(f.empty());
}

TEST_CASE("a push reports whether the queue was empty, and a pop whether it emptied the queue")
{
    fixture f;
    for (int again = 0; again < 3; ++again) {
        CHECK(f.tested.push(f.items[0]));
        CHECK_FALSE(f.tested.push(f.items[1]));
        CHECK_FALSE(f.tested.pop(f.at).emptied);
        CHECK_FALSE(f.tested.push(f.items[2]));
        CHECK_FALSE(f.tested.pop(f.at).emptied);
        CHECK(f.tested.pop(f.at).emptied);
        CHECK(f.empty());
    }
}

TEST_CASE("a chain is popped in its order, after earlier and before later nodes")
{
    fixture f;
    CHECK(f.tested.push(f.items[0]));
    CHECK_FALSE(f.push_chain(1, 4));
    CHECK_FALSE(f.tested.push(f.items[5]));
    for (std::size_t i = 0; i <= 5; ++i)
        CHECK(f.pop() == &f.items[i]);
    CHECK(f.empty());
    CHECK(f.push_chain(2, 3)); // the queue is empty
    CHECK(f.pop() == &f.items[2]);
    CHECK(f.pop() == &f.items[3]);
    CHECK(f.pop() == nullptr);
}

TEST_CASE("a popped node may be pushed again at once")
{
    fixture f;
    f.tested.push(f.items[0]);
    for (int again = 0; again < 100; ++again) {
        f.tested.push(f.items[1 + again % 2]);
        queue::node* taken = f.pop();
        REQUIRE(taken != nullptr);
        f.tested.push(*taken);
        REQUIRE(f.pop() == &f.items[1 + again % 2]);
    }
    CHECK(f.pop() == &f.items[0]);
    CHECK(f.empty());
}

TEST_CASE("while a producer is between its two steps, pop finds nothing and empty() returns false")
{
    fixture f;
    SECTION("the push is behind the stub")
    {
        interruption.after_exchange = [&] {
            CHECK(f.pop() == nullptr);
            CHECK_FALSE(f.empty());
            CHECK(f.pop() == nullptr);
        };
        f.tested.push(f.items[0]);
    }
    SECTION("the push is behind a linked node, which stays in the queue")
    {
        f.tested.push(f.items[0]);
        interruption.after_exchange = [&] {
            CHECK(f.pop() == nullptr);
            CHECK(f.pop() == nullptr);
            CHECK_FALSE(f.empty());
        };
        f.tested.push(f.items[1]);
        CHECK(f.pop() == &f.items[0]);
        CHECK(f.tested.pop(f.at).emptied);
        CHECK(f.empty());
        return;
    }
    SECTION("the push is a chain")
    {
        interruption.after_exchange = [&] {
            CHECK(f.pop() == nullptr);
            CHECK_FALSE(f.empty());
        };
        f.push_chain(0, 3);
    }
    CHECK_FALSE(f.empty());
    CHECK(f.pop() == &f.items[0]);
}

TEST_CASE("a push behind one that is between its steps waits for it and keeps its place")
{
    fixture f;
    interruption.after_exchange = [&] {
        CHECK_FALSE(f.tested.push(f.items[1]));
        CHECK_FALSE(f.tested.push(f.items[2]));
        CHECK(f.pop() == nullptr);
        CHECK_FALSE(f.empty());
    };
    CHECK(f.tested.push(f.items[0]));
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(f.pop() == &f.items[i]);
    CHECK(f.empty());
}

TEST_CASE("a push before the stub is put back is not lost, and the pop does not report an empty "
          "queue")
{
    fixture f;
    f.tested.push(f.items[0]);
    interruption.before_put_back = [&] { CHECK_FALSE(f.tested.push(f.items[1])); };
    const auto first = f.tested.pop(f.at);
    CHECK(first.taken == &f.items[0]);
    CHECK_FALSE(first.emptied);
    const auto second = f.tested.pop(f.at);
    CHECK(second.taken == &f.items[1]);
    CHECK(second.emptied);
    CHECK(f.empty());
}

TEST_CASE(
    "pop_each takes the oldest nodes, at most as many as asked for, and continues behind them")
{
    fixture f;
    for (item& each : f.items)
        f.tested.push(each);
    std::vector<std::size_t> used;
    const auto pop_each = [&](std::size_t most) {
        used.clear();
        return f.tested.pop_each(f.at, most,
            [&](queue::node& taken) { used.push_back(static_cast<item&>(taken).number); });
    };
    using numbers = std::vector<std::size_t>;
    CHECK(pop_each(0) == 0);
    CHECK(pop_each(3) == 3);
    CHECK(used == numbers{0, 1, 2});
    CHECK(pop_each(1) == 1);
    CHECK(used == numbers{3});
    CHECK_FALSE(f.empty());
    CHECK(pop_each(8) == 4);
    CHECK(used == numbers{4, 5, 6, 7});
    CHECK(f.empty());
    CHECK(pop_each(8) == 0);
}

TEST_CASE("pop_each stops in front of a node that is not linked yet")
{
    fixture f;
    f.push_chain(0, 3);
    interruption.after_exchange = [&] {
        CHECK(f.tested.pop_each(f.at, 8, [](queue::node&) {}) == 3);
        CHECK(f.tested.pop_each(f.at, 8, [](queue::node&) {}) == 0);
        CHECK_FALSE(f.empty());
    };
    f.tested.push(f.items[4]);
    CHECK(f.pop() == &f.items[3]);
    CHECK(f.pop() == &f.items[4]);
    CHECK(f.empty());
}

TEST_CASE("pop_each ends after a node that emptied the queue, even if the callback pushes it again")
{
    fixture f;
    f.tested.push(f.items[0]);
    CHECK(f.tested.pop_each(f.at, 8, [&](queue::node& taken) { f.tested.push(taken); }) == 1);
    CHECK(f.pop() == &f.items[0]);
    CHECK(f.empty());
}

namespace {

/// Compares the queue with a std::deque, with random operations.
class model_run {
public:
    explicit model_run(ngpoll::test::chance& with)
        : random_(with)
        , items_(64)
    {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            items_[i].number = i;
            unused_.push_back(&items_[i]);
        }
    }

    void step()
    {
        switch (random_.below(4)) {
        case 0: push(random_.below(4) + 1, false); break;
        case 1: push(random_.below(4) + 1, random_.one_in(2)); break;
        default: pop(model_.size()); break;
        }
        REQUIRE(tested_.empty(at_) == model_.empty());
    }

private:
    /// Pushes a chain of up to `count` nodes. If `stopped`, pops a few times between the two steps.
    void push(std::size_t count, bool stopped)
    {
        std::vector<item*> chain;
        for (; count != 0 && !unused_.empty(); --count) {
            chain.push_back(unused_.front());
            unused_.pop_front();
        }
        if (chain.empty())
            return;
        for (std::size_t i = 0; i + 1 < chain.size(); ++i)
            chain[i]->next.store(chain[i + 1], std::memory_order_relaxed);
        const bool was_empty = model_.empty();
        // The last node cannot be popped before the new chain is linked behind it.
        const std::size_t poppable = was_empty ? 0 : model_.size() - 1;
        if (stopped)
            interruption.after_exchange = [this, poppable] {
                std::size_t left = poppable;
                for (std::uint64_t tries = random_.below(6); tries != 0; --tries) {
                    REQUIRE_FALSE(tested_.empty(at_));
                    left -= pop_stopped(left) ? 1U : 0U;
                }
            };
        REQUIRE(tested_.push_chain(*chain.front(), *chain.back()) == was_empty);
        model_.insert(model_.end(), chain.begin(), chain.end());
    }

    bool pop_stopped(std::size_t poppable)
    {
        const auto found = tested_.pop(at_);
        REQUIRE((found.taken != nullptr) == (poppable != 0));
        REQUIRE_FALSE(found.emptied);
        if (found.taken != nullptr)
            take(found.taken);
        return found.taken != nullptr;
    }

    void pop(std::size_t poppable)
    {
        const auto found = tested_.pop(at_);
        REQUIRE((found.taken != nullptr) == (poppable != 0));
        REQUIRE(found.emptied == (poppable == 1));
        if (found.taken != nullptr)
            take(found.taken);
    }

    void take(queue::node* found)
    {
        REQUIRE(found == model_.front());
        unused_.push_back(model_.front());
        model_.pop_front();
    }

    ngpoll::test::chance& random_;
    std::vector<item> items_;
    std::deque<item*> unused_;
    std::deque<item*> model_;
    queue tested_;
    queue::cursor at_{tested_};
};

} // namespace

TEST_CASE("random pushes, chains, stopped producers and pops give the same nodes as a std::deque")
{
    ngpoll::test::chance random("mpsc_queue against std::deque");
    CAPTURE(random.seed());
    model_run both(random);
    for (auto left = ngpoll::test::rounds("mpsc_queue against std::deque", 100000); left != 0;
         --left)
        both.step();
}
