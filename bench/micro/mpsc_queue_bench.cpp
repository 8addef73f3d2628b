// SPDX-License-Identifier: MIT
//
// Nanoseconds per item through a queue from its producers' push to the one consumer's pop, for
// mpsc_queue and for other queues, and how many times the fastest one's that is.
//
// One measured item: its producer writes a number into it and pushes it, the consumer takes it and
// reads the number. The time is the consumer's clock over the items it took: the slower side sets
// it, and it is the inverse of throughput, not the time one item is under way. Each producer has
// 128 items and pushes 32, one by one or as a batch, once as many of its oldest have been read. So
// no queue grows, and each gets its items from the same memory in the same order.
//
// With more threads than processors the figure is the scheduler's as much as the queue's: such
// lines say so.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sched.h>

#include "benchmark_program.hpp"
#include "queue_peers.hpp"

namespace {

using peers::item;
using peers::progress;

constexpr std::size_t kWindow = 128; ///< items a producer has in flight
constexpr std::size_t kBatch = 32; ///< items a producer pushes before it looks again
static_assert(kWindow % kBatch == 0);
constexpr std::uint64_t kItemsPerRound = 4096;
constexpr std::uint64_t kEnd = ~std::uint64_t{0} - 1; ///< even: nothing is sent back
constexpr unsigned kProducersMost = 8; ///< or as many as there are processors

/// Waits a little, and lets others run where there are more threads than processors.
class patience {
public:
    void wait()
    {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
        if (++looks_ % 64 == 0)
            std::this_thread::yield();
    }

private:
    unsigned looks_ = 0;
};

/// The processors this program may use, each for one thread. Left to itself the scheduler often
/// has producer and consumer take turns on one, which measures no queue.
class placement {
public:
    placement()
    {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        ::sched_getaffinity(0, sizeof allowed, &allowed);
        for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &allowed))
                cpus_.push_back(cpu);
    }
    [[nodiscard]] std::size_t count() const { return cpus_.size(); }

    /// Puts the calling thread on the processor of that number, round and round.
    void take(std::size_t index) const
    {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpus_[index % cpus_.size()], &one);
        ::sched_setaffinity(0, sizeof one, &one);
    }

private:
    std::vector<std::size_t> cpus_;
};

const placement& processors()
{
    static const placement found;
    return found;
}

/// A producer's items, and what of them has been taken.
struct window {
    window()
    {
        for (item& each : items)
            each.producer = &back;
        for (std::size_t i = 0; i < kWindow; ++i)
            in_turn[i] = &items[i];
        // As requests come back from a drive: in no order that a processor could guess.
        std::shuffle(in_turn.begin(), in_turn.end(), std::minstd_rand()); // the same each time
    }
    window(const window&) = delete;
    window& operator=(const window&) = delete;

    progress back;
    std::array<item, kWindow> items;
    std::array<item*, kWindow> in_turn;
};

enum class pushing { one_by_one, batches };

/// Numbers kBatch items behind number `pushed` and pushes them.
template <pushing How, class Producer>
void push_next(Producer& to, window& mine, std::uint64_t pushed)
{
    const std::span next(mine.in_turn.data() + pushed % kWindow, kBatch);
    for (item* const each : next) {
        each->number = ++pushed;
        if constexpr (How == pushing::one_by_one)
            to.push(*each);
    }
    if constexpr (How == pushing::batches)
        to.push_batch(next);
}

template <pushing How, class Queue>
void produce(Queue& queue, const std::atomic<bool>& stop, window& mine)
{
    typename Queue::producer to(queue);
    patience idle;
    for (std::uint64_t pushed = 0;; pushed += kBatch) {
        // acquire: the consumer has read these; pairs with its release in read().
        while (mine.back.taken.load(std::memory_order_acquire) + kWindow < pushed + kBatch) {
            // relaxed: it only has to be seen some time.
            if (stop.load(std::memory_order_relaxed))
                return;
            idle.wait();
        }
        push_next<How>(to, mine, pushed);
    }
}

/// What the consumer does with an item. Items of a producer come in its order, from every queue.
void read(const item& taken)
{
    // Not for each: a producer that waits looks at this line again and again.
    if (taken.number % kBatch == 0)
        // release: they may be written again; pairs with the acquire in produce().
        taken.producer->taken.store(taken.number, std::memory_order_release);
}

template <class Queue>
std::uint64_t consume(Queue& queue, patience& idle)
{
    std::uint64_t taken = 0;
    while (taken < kItemsPerRound) {
        const std::size_t found = queue.take(read);
        if (found == 0)
            idle.wait();
        taken += found;
    }
    return taken;
}

/// The benchmark's own thread consumes, on the first processor.
template <class Queue, pushing How>
void from_producers(benchmark::State& state, unsigned producers)
{
    Queue queue;
    std::vector<window> windows(producers); // outlives the threads
    std::atomic<bool> stop{false};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < producers; ++i)
        threads.emplace_back([&queue, &stop, &windows, i] {
            processors().take(i + 1);
            produce<How>(queue, stop, windows[i]);
        });
    patience idle;
    std::uint64_t taken = 0;
    for (auto _ : state)
        taken += consume(queue, idle);
    stop.store(true, std::memory_order_relaxed); // relaxed: as above
    benchmark_program::set_items(state, taken);
    // A producer whose window is full sees `stop`: what is queued need not be popped.
    threads.clear();
    if (producers > processors().count())
        state.SetLabel("shown, not judged: more producers than processors");
    else if (producers == processors().count())
        state.SetLabel("more threads than processors");
}

/// One thread pushes a batch and takes it: what the instructions alone cost.
template <class Queue, pushing How>
void on_one_thread(benchmark::State& state)
{
    Queue queue;
    typename Queue::producer to(queue);
    window mine;
    std::uint64_t taken = 0;
    for (auto _ : state) {
        push_next<How>(to, mine, taken);
        for (const std::uint64_t all = taken + kBatch; taken != all;)
            taken += queue.take(read);
    }
    benchmark_program::set_items(state, taken);
}

/// The yardstick for what threads on two processors hand each other: half of there and back. A
/// virtual machine's host may move its processors apart and together again while this runs: then
/// the least and the most of this line differ by a multiple, and so do those of all others.
void one_line(benchmark::State& state)
{
    alignas(64) std::atomic<std::uint64_t> line{0};
    const std::jthread other([&line] {
        processors().take(1);
        // Odd numbers are sent back, the largest is the end. relaxed: they carry nothing.
        for (std::uint64_t seen = 0; seen != kEnd; seen = line.load(std::memory_order_relaxed))
            if (seen % 2 == 1)
                line.store(seen + 1, std::memory_order_relaxed);
    });
    std::uint64_t sent = 0;
    for (auto _ : state)
        for (int i = 0; i < 100; ++i, sent += 2) {
            line.store(sent + 1, std::memory_order_relaxed);
            while (line.load(std::memory_order_relaxed) != sent + 2) { }
        }
    line.store(kEnd, std::memory_order_relaxed);
    benchmark_program::set_items(state, sent);
}

/// With the ratio to the fastest of those that push as many in the same way.
template <pushing How, class... Queues>
void add_all(benchmark_program& program, unsigned producers)
{
    std::string group = producers == 0 ? "one thread" : std::to_string(producers) + " to 1";
    if (How == pushing::batches)
        group += ", batches";
    group += ": ";
    if (producers == 0)
        (program.add(group + Queues::kName, on_one_thread<Queues, How>), ...);
    else
        (program.add(group + Queues::kName, from_producers<Queues, How>, producers)->UseRealTime(),
            ...);
}

template <pushing How>
void add_row(benchmark_program& program, unsigned producers)
{
    add_all<How, peers::mpsc_queue, peers::lifo_list, peers::mutex_deque>(program, producers);
#if NGPOLL_BENCH_CONCURRENTQUEUE
    add_all<How, peers::moodycamel_queue, peers::moodycamel_tokens, peers::moodycamel_bulk>(
        program, producers);
#endif
#if NGPOLL_BENCH_BOOST
    add_all<How, peers::boost_queue>(program, producers);
#endif
}

} // namespace

int main(int argc, char** argv)
{
    benchmark_program program(argc, argv);
    // Powers of two, and as many as there are processors.
    const auto judged = static_cast<unsigned>(processors().count());
    std::set<unsigned> counts{0, judged};
    for (unsigned count = 1; count <= std::max(judged, kProducersMost); count *= 2)
        counts.insert(count);
    processors().take(0);
    if (judged > 1)
        program.add("a cache line to another processor", one_line)->UseRealTime();
    for (const unsigned producers : counts) {
        add_row<pushing::one_by_one>(program, producers);
        if (producers <= judged)
            add_row<pushing::batches>(program, producers);
    }
#if !NGPOLL_BENCH_CONCURRENTQUEUE
    std::printf("built without moodycamel::ConcurrentQueue: libconcurrentqueue-dev not found\n");
#endif
#if !NGPOLL_BENCH_BOOST
    std::printf("built without boost::lockfree::queue: libboost-dev not found\n");
#endif
    return program.run();
}
