// SPDX-License-Identifier: MIT
//
// Nanoseconds per item through a queue from its producers' push to the one consumer's pop, for
// mpsc_queue and for other queues. Each producer keeps a window of 128 items in flight, as a ring
// does: it pushes an item again once the consumer has popped it.
//
// With more threads than processors the figure is the scheduler's as much as the queue's: such
// lines say so.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sched.h>

#include <ngpoll/mpsc_queue.hpp>

#include "median_reporter.hpp"

#if NGPOLL_BENCH_CONCURRENTQUEUE
#include <concurrentqueue.h>
#endif
#if NGPOLL_BENCH_BOOST
#include <boost/lockfree/queue.hpp>
#endif

namespace {

constexpr std::size_t kWindow = 128; ///< items a producer has in flight
constexpr std::size_t kBatch = 32; ///< without producers: items pushed, then popped
constexpr int kItemsPerIteration = 4096;
constexpr double kSecondsEach = 0.1;

/// As large and as aligned as a request's line for the completion, which is what a node lies in.
struct alignas(64) item : ngpoll::mpsc_node<> {
    std::atomic<bool> queued{false};
};

// One class a queue. `producer` is made once on each thread that pushes, and pushes; pop() returns
// nullptr when it finds nothing.

class ngpoll_queue {
public:
    static constexpr const char* kName = "ngpoll::mpsc_queue";

    class producer {
    public:
        explicit producer(ngpoll_queue& to)
            : queue_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.push(pushed); }

    private:
        ngpoll::mpsc_queue<>& queue_;
    };

    item* pop() { return static_cast<item*>(queue_.pop(at_).taken); }

private:
    ngpoll::mpsc_queue<> queue_;
    ngpoll::mpsc_queue<>::cursor at_{queue_};
};

class mutex_deque {
public:
    static constexpr const char* kName = "std::mutex and std::deque";

    class producer {
    public:
        explicit producer(mutex_deque& to)
            : to_(to)
        {
        }
        void push(item& pushed)
        {
            const std::lock_guard lock(to_.mutex_);
            to_.items_.push_back(&pushed);
        }

    private:
        mutex_deque& to_;
    };

    item* pop()
    {
        const std::lock_guard lock(mutex_);
        if (items_.empty())
            return nullptr;
        item* const taken = items_.front();
        items_.pop_front();
        return taken;
    }

private:
    std::mutex mutex_;
    std::deque<item*> items_;
};

#if NGPOLL_BENCH_CONCURRENTQUEUE
/// With the tokens its documentation recommends. Not FIFO over all producers, only for each.
class moodycamel_queue {
public:
    static constexpr const char* kName = "moodycamel::ConcurrentQueue";

    class producer {
    public:
        explicit producer(moodycamel_queue& to)
            : queue_(to.queue_)
            , token_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.enqueue(token_, &pushed); }

    private:
        moodycamel::ConcurrentQueue<item*>& queue_;
        moodycamel::ProducerToken token_;
    };

    item* pop()
    {
        item* taken = nullptr;
        return queue_.try_dequeue(token_, taken) ? taken : nullptr;
    }

private:
    moodycamel::ConcurrentQueue<item*> queue_;
    moodycamel::ConsumerToken token_{queue_};
};
#endif

#if NGPOLL_BENCH_BOOST
/// With its nodes allocated in advance, as many as can be queued.
class boost_queue {
public:
    static constexpr const char* kName = "boost::lockfree::queue";

    class producer {
    public:
        explicit producer(boost_queue& to)
            : queue_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.push(&pushed); }

    private:
        boost::lockfree::queue<item*>& queue_;
    };

    item* pop()
    {
        item* taken = nullptr;
        return queue_.pop(taken) ? taken : nullptr;
    }

private:
    boost::lockfree::queue<item*> queue_{kWindow * 64};
};
#endif

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

template <class Queue>
void produce(Queue& queue, const std::atomic<bool>& stop, std::array<item, kWindow>& items)
{
    typename Queue::producer to(queue);
    patience idle;
    for (std::size_t i = 0;; i = (i + 1) % kWindow) {
        // acquire: the consumer is done with the item; pairs with its release in consume().
        while (items[i].queued.load(std::memory_order_acquire)) {
            // relaxed: it only has to be seen some time.
            if (stop.load(std::memory_order_relaxed))
                return;
            idle.wait();
        }
        // relaxed: published, with the item, by the push.
        items[i].queued.store(true, std::memory_order_relaxed);
        to.push(items[i]);
    }
}

template <class Queue>
void consume(Queue& queue, patience& idle)
{
    for (int taken = 0; taken < kItemsPerIteration;) {
        item* const found = queue.pop();
        if (found == nullptr) {
            idle.wait();
            continue;
        }
        // release: gives the item back to its producer; pairs with the acquire in produce().
        found->queued.store(false, std::memory_order_release);
        ++taken;
    }
}

/// The benchmark's own thread consumes, on the first processor.
template <class Queue>
void from_producers(benchmark::State& state, unsigned producers)
{
    Queue queue;
    std::vector<std::array<item, kWindow>> items(producers); // outlives the threads
    std::atomic<bool> stop{false};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < producers; ++i)
        threads.emplace_back([&queue, &stop, &items, i] {
            processors().take(i + 1);
            produce(queue, stop, items[i]);
        });
    patience idle;
    for (auto _ : state)
        consume(queue, idle);
    stop.store(true, std::memory_order_relaxed); // relaxed: as above
    state.SetItemsProcessed(state.iterations() * kItemsPerIteration);
    // A producer whose window is full sees `stop`: what is queued need not be popped.
    threads.clear();
    if (producers >= processors().count())
        state.SetLabel("more threads than processors");
}

/// One thread pushes a batch and pops it: what the instructions alone cost.
template <class Queue>
void on_one_thread(benchmark::State& state)
{
    Queue queue;
    typename Queue::producer to(queue);
    std::vector<item> items(kBatch);
    for (auto _ : state) {
        for (item& each : items)
            to.push(each);
        for (std::size_t i = 0; i < kBatch; ++i)
            benchmark::DoNotOptimize(queue.pop());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

template <class Queue>
void add(unsigned producers)
{
    const std::string name = std::string(Queue::kName) + ", "
        + (producers == 0 ? "one thread" : std::to_string(producers) + " to 1");
    benchmark::internal::Benchmark* const added = producers == 0
        ? benchmark::RegisterBenchmark(name.c_str(), on_one_thread<Queue>)
        : benchmark::RegisterBenchmark(name.c_str(), from_producers<Queue>, producers);
    added->UseRealTime()->MinTime(kSecondsEach);
}

} // namespace

int main(int argc, char** argv)
{
    // Powers of two, and as many as there are processors.
    const auto most = static_cast<unsigned>(processors().count());
    processors().take(0);
    for (unsigned producers = 0; producers <= most;) {
        add<ngpoll_queue>(producers);
        add<mutex_deque>(producers);
#if NGPOLL_BENCH_CONCURRENTQUEUE
        add<moodycamel_queue>(producers);
#endif
#if NGPOLL_BENCH_BOOST
        add<boost_queue>(producers);
#endif
        const unsigned next = producers == 0 ? 1 : producers * 2;
        producers = producers < most ? std::min(next, most) : next;
    }
#if !NGPOLL_BENCH_CONCURRENTQUEUE
    std::printf("built without moodycamel::ConcurrentQueue: libconcurrentqueue-dev not found\n");
#endif
#if !NGPOLL_BENCH_BOOST
    std::printf("built without boost::lockfree::queue: libboost-dev not found\n");
#endif
    return run_benchmarks(argc, argv);
}
