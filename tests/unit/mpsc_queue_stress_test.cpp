// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include <ngpoll/mpsc_queue.hpp>

#include "catch.hpp"
#include "support.hpp"

namespace {

using queue = ngpoll::mpsc_queue<>;

struct item : queue::node {
    unsigned producer = 0; // plain: only the queue orders accesses to it
    std::uint64_t sequence = 0;
    std::atomic<bool> queued{false};
};

/// Pushes numbered nodes, singly and in chains. Uses each node again after it was popped, like
/// requests that are submitted over and over.
struct producer {
    unsigned number = 0;
    std::atomic<std::uint64_t> pushed{0};
    std::uint64_t found_empty = 0; // read after the thread was joined
    std::vector<item> items = std::vector<item>(32);

    void run(queue& into, std::uint64_t wanted, std::uint64_t seed)
    {
        ngpoll::test::chance random(seed, number);
        for (std::uint64_t sequence = 0; sequence != wanted;) {
            const std::uint64_t length = std::min(wanted - sequence, random.below(4) + 1);
            item* first = take(sequence);
            item* last = first;
            for (std::uint64_t i = 1; i < length; ++i) {
                item* const next = take(sequence + i);
                last->next.store(next, std::memory_order_relaxed);
                last = next;
            }
            found_empty += into.push_chain(*first, *last) ? 1U : 0U;
            sequence += length;
            pushed.store(sequence, std::memory_order_relaxed);
        }
    }

    item* take(std::uint64_t sequence)
    {
        item& next = items[sequence % items.size()];
        while (next.queued.load(std::memory_order_acquire))
            std::this_thread::yield();
        next.producer = number;
        next.sequence = sequence;
        next.queued.store(true, std::memory_order_relaxed);
        return &next;
    }
};

struct consumer {
    std::vector<std::atomic<std::uint64_t>> expected;
    std::uint64_t out_of_order = 0;
    std::uint64_t emptied = 0;

    explicit consumer(std::size_t producers)
        : expected(producers)
    {
    }

    void take(item& found)
    {
        auto& sequence = expected[found.producer];
        const std::uint64_t wanted = sequence.load(std::memory_order_relaxed);
        out_of_order += found.sequence != wanted ? 1U : 0U;
        sequence.store(wanted + 1, std::memory_order_relaxed);
        found.queued.store(false, std::memory_order_release);
    }

    void run(queue& from, queue::cursor& at, std::uint64_t all)
    {
        for (std::uint64_t taken = 0; taken != all;) {
            const auto found = from.pop(at);
            if (found.taken == nullptr) {
                std::this_thread::yield();
                continue;
            }
            ++taken;
            emptied += found.emptied ? 1U : 0U;
            take(static_cast<item&>(*found.taken));
        }
    }
};

} // namespace

TEST_CASE("many producers lose nothing, and the nodes of each producer stay in order")
{
    const unsigned count = GENERATE(1U, 2U, 4U, 7U);
    CAPTURE(count);
    ngpoll::test::chance random("mpsc_queue producers");
    CAPTURE(random.seed());
    const std::uint64_t each = ngpoll::test::rounds("mpsc_queue pushes per producer", 100000);

    queue tested;
    queue::cursor at(tested);
    std::vector<producer> producers(count);
    consumer taking(count);
    ngpoll::test::watchdog dog([&] {
        for (unsigned i = 0; i < count; ++i)
            std::fprintf(stderr, "producer %u: pushed %llu, popped %llu of %llu\n", i,
                static_cast<unsigned long long>(
                    producers[i].pushed.load(std::memory_order_relaxed)),
                static_cast<unsigned long long>(taking.expected[i].load(std::memory_order_relaxed)),
                static_cast<unsigned long long>(each));
    });
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
        producers[i].number = i;
        threads.emplace_back([&, i] { producers[i].run(tested, each, random.seed()); });
    }
    taking.run(tested, at, each * count);
    for (std::thread& thread : threads)
        thread.join();

    CHECK(taking.out_of_order == 0);
    CHECK(tested.pop(at).taken == nullptr);
    CHECK(tested.empty(at));
    // Each time the queue became empty, exactly one push reported it, as did the very first push.
    std::uint64_t found_empty = 0;
    for (const producer& one : producers)
        found_empty += one.found_empty;
    CHECK(found_empty == taking.emptied);
}
