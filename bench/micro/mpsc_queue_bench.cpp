// SPDX-License-Identifier: MIT
//
// Measures nanoseconds per item through a queue, from a producer's push to the one consumer's pop.
// It compares mpsc_queue with other queues: each figure has its ratio to the fastest queue's.
//
// For each item the producer writes a number into it and pushes it; the consumer takes it and reads
// the number. The time is the consumer's clock divided by the items that it took. The slower side
// sets it. It is the inverse of throughput, not the time that one item is under way.
//
// Each producer has 128 items. It pushes 32 of them, one by one or as a batch, as soon as 32 of its
// oldest have been read. So no queue grows, and every queue gets its items from the same memory in
// the same order.
//
// With more threads than processors a figure depends on the scheduler as much as on the queue. The
// lines of such figures say so.
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
constexpr std::uint64_t kEnd = ~std::uint64_t{0} - 1; ///< even, so that it is not sent back
constexpr unsigned kProducersMost = 8; ///< or the number of processors, if that is larger

/// Waits a little. Now and then it yields, for other threads on the same processor.
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

/// The processors that this program may use, one for each thread. Without it the scheduler often
/// runs producer and consumer in turns on one processor, which does not measure the queue.
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

    /// Puts the calling thread on the processor `index`, modulo the number of processors.
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

/// A producer's items, and how many of them the consumer has taken.
struct window {
    window()
    {
        for (item& each : items)
            each.producer = &back;
        for (std::size_t i = 0; i < kWindow; ++i)
            in_turn[i] = &items[i];
        // Requests come back from a drive in an order that no processor can guess; so do these.
        std::shuffle(in_turn.begin(), in_turn.end(), std::minstd_rand()); // the same each time
    }
    window(const window&) = delete;
    window& operator=(const window&) = delete;

    progress back;
    std::array<item, kWindow> items;
    std::array<item*, kWindow> in_turn;
};

enum class pushing { one_by_one, batches };

/// Pushes the next kBatch items. The first gets the number `pushed` + 1.
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
            // relaxed: it may be seen late.
            if (stop.load(std::memory_order_relaxed))
                return;
            idle.wait();
        }
        push_next<How>(to, mine, pushed);
    }
}

/// Reads an item that the consumer has taken. Every queue keeps the order of each producer's items.
void read(const item& taken)
{
    // Not for each item, because a waiting producer reads this cache line again and again.
    if (taken.number % kBatch == 0)
        // release: the items may be written again; pairs with the acquire in produce().
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
    // A producer with a full window sees `stop`, so the items in the queue need not be popped.
    threads.clear();
    if (producers > processors().count())
        state.SetLabel("shown, not judged: more producers than processors");
    else if (producers == processors().count())
        state.SetLabel("more threads than processors");
}

/// One thread pushes a batch and takes it. This measures the cost of the instructions alone.
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

/// The yardstick for threads that hand something to another processor: half the time of a cache
/// line's way there and back. The host of a virtual machine may move the processors apart or
/// together during a run. Then the minimum and maximum of each line differ by a multiple, here and
/// elsewhere.
void one_line(benchmark::State& state)
{
    alignas(64) std::atomic<std::uint64_t> line{0};
    const std::jthread other([&line] {
        processors().take(1);
        // Odd numbers are sent back; kEnd is the end. relaxed: the numbers publish nothing.
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

/// Adds the queues as one group: each is compared with the fastest that works in the same way.
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
    // Powers of two, and the number of processors.
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
