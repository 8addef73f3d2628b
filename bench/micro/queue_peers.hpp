// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>

#include <ngpoll/mpsc_queue.hpp>

#if NGPOLL_BENCH_CONCURRENTQUEUE
#include <concurrentqueue.h>
#endif
#if NGPOLL_BENCH_BOOST
#include <boost/lockfree/queue.hpp>
#endif

/// The queues that mpsc_queue_bench compares, one class per queue. All carry the same items, which
/// exist before the clock starts. Intrusive queues link the items; the others hold pointers to
/// them.
///
/// `producer` is made once on each thread that pushes. It pushes one item, or a batch in the way
/// that the queue offers for many items at once.
///
/// The one consumer calls take(). It hands all items that it finds to `use`, oldest first, in the
/// way that the queue offers for a consumer that wants everything. It returns how many items these
/// were. Once `use` has an item, the item may be pushed again.
namespace peers {

constexpr std::size_t kInFlightMax = 4096; ///< items in a queue at a time, all producers together
constexpr std::size_t kTakeMax
    = 128; ///< items that a take() hands on, unless it holds more already

/// How many of a producer's items the consumer has taken and read. The producer may push them
/// again.
struct alignas(64) progress {
    std::atomic<std::uint64_t> taken{0};
};

/// As large and as aligned as the cache line of a request that holds its node.
struct alignas(64) item : ngpoll::mpsc_node<> {
    std::uint64_t number = 0; ///< counts the items of a producer from 1
    progress* producer = nullptr;
};

using batch = std::span<item* const>; ///< oldest first, never empty

class mpsc_queue {
public:
    static constexpr const char* kName = "ngpoll::mpsc_queue";

    class producer {
    public:
        explicit producer(mpsc_queue& to)
            : queue_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.push(pushed); }
        void push_batch(batch pushed)
        {
            for (std::size_t i = 1; i < pushed.size(); ++i)
                // relaxed: published, with the items, by the push.
                pushed[i - 1]->next.store(pushed[i], std::memory_order_relaxed);
            queue_.push_chain(*pushed.front(), *pushed.back());
        }

    private:
        ngpoll::mpsc_queue<>& queue_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        std::size_t count = 0;
        while (count < kTakeMax) {
            const auto [taken, emptied] = queue_.pop(at_);
            if (taken == nullptr)
                break;
            ++count;
            use(static_cast<item&>(*taken));
            if (emptied)
                break;
        }
        return count;
    }

private:
    ngpoll::mpsc_queue<> queue_;
    ngpoll::mpsc_queue<>::cursor at_{queue_};
};

/// A stack that the consumer takes whole and reverses. io_uring's task work was such a list
/// (llist).
class lifo_list {
    using node = ngpoll::mpsc_node<>;

public:
    static constexpr const char* kName = "LIFO taken whole, reversed";

    class producer {
    public:
        explicit producer(lifo_list& to)
            : newest_(to.newest_)
        {
        }
        void push(item& pushed) { push_chain(pushed, pushed); }
        void push_batch(batch pushed)
        {
            for (std::size_t i = 1; i < pushed.size(); ++i)
                // relaxed: published, with the items, by the push.
                pushed[i]->next.store(pushed[i - 1], std::memory_order_relaxed);
            push_chain(*pushed.front(), *pushed.back());
        }

    private:
        void push_chain(item& oldest, item& newest)
        {
            // relaxed: compared, never followed.
            node* before = newest_.load(std::memory_order_relaxed);
            do
                // relaxed: published by the compare-exchange.
                oldest.next.store(before, std::memory_order_relaxed);
            // release: publishes items and links; pairs with the exchange in take(). ABA does no
            // harm: the consumer only takes the whole. relaxed on failure: as the load above.
            while (!newest_.compare_exchange_weak(
                before, &newest, std::memory_order_release, std::memory_order_relaxed));
        }

        std::atomic<node*>& newest_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        // relaxed: it only saves the exchange if the list is empty.
        if (newest_.load(std::memory_order_relaxed) == nullptr)
            return 0;
        // acquire: all items and links; pairs with push's release.
        node* newest = newest_.exchange(nullptr, std::memory_order_acquire);
        // relaxed, all links from here on: the list is the consumer's own.
        node* oldest = nullptr;
        while (newest != nullptr) {
            node* const older = newest->next.load(std::memory_order_relaxed);
            newest->next.store(oldest, std::memory_order_relaxed);
            oldest = newest;
            newest = older;
        }
        std::size_t count = 0;
        while (oldest != nullptr) {
            node* const younger = oldest->next.load(std::memory_order_relaxed);
            use(static_cast<item&>(*oldest)); // may be pushed again from here on
            oldest = younger;
            ++count;
        }
        return count;
    }

private:
    alignas(64) std::atomic<node*> newest_{nullptr};
};

/// The consumer swaps the filled deque for its own empty one, with one lock for all items.
class mutex_deque {
public:
    static constexpr const char* kName = "std::mutex, std::deque, swapped";

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
        void push_batch(batch pushed)
        {
            const std::lock_guard lock(to_.mutex_);
            to_.items_.insert(to_.items_.end(), pushed.begin(), pushed.end());
        }

    private:
        mutex_deque& to_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        {
            const std::lock_guard lock(mutex_);
            taken_.swap(items_);
        }
        const std::size_t count = taken_.size();
        for (item* const each : taken_)
            use(*each);
        taken_.clear();
        return count;
    }

private:
    alignas(64) std::mutex mutex_;
    std::deque<item*> items_;
    alignas(64) std::deque<item*> taken_; ///< for the consumer only
};

/// take() of a queue that returns one item at a time. try_one() returns nullptr if there is none.
template <class TryOne, class Use>
std::size_t take_one_by_one(TryOne try_one, Use use)
{
    std::size_t count = 0;
    while (count < kTakeMax) {
        item* const taken = try_one();
        if (taken == nullptr)
            break;
        ++count;
        use(*taken);
    }
    return count;
}

#if NGPOLL_BENCH_CONCURRENTQUEUE
/// Its blocks are allocated in advance. It is FIFO for each producer, but not over all producers.
class moodycamel_queue {
public:
    static constexpr const char* kName = "moodycamel::ConcurrentQueue";

    class producer {
    public:
        explicit producer(moodycamel_queue& to)
            : queue_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.enqueue(&pushed); }
        void push_batch(batch pushed) { queue_.enqueue_bulk(pushed.begin(), pushed.size()); }

    private:
        moodycamel::ConcurrentQueue<item*>& queue_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        return take_one_by_one(
            [this] {
                item* taken = nullptr;
                return queue_.try_dequeue(taken) ? taken : nullptr;
            },
            use);
    }

private:
    moodycamel::ConcurrentQueue<item*> queue_{2 * kInFlightMax};
};

/// As moodycamel_queue, with the tokens that its documentation recommends.
class moodycamel_tokens {
public:
    static constexpr const char* kName = "moodycamel, tokens";

    class producer {
    public:
        explicit producer(moodycamel_tokens& to)
            : queue_(to.queue_)
            , token_(to.queue_)
        {
        }
        void push(item& pushed) { queue_.enqueue(token_, &pushed); }
        void push_batch(batch pushed)
        {
            queue_.enqueue_bulk(token_, pushed.begin(), pushed.size());
        }

    private:
        moodycamel::ConcurrentQueue<item*>& queue_;
        moodycamel::ProducerToken token_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        return take_one_by_one(
            [this] {
                item* taken = nullptr;
                return queue_.try_dequeue(token_, taken) ? taken : nullptr;
            },
            use);
    }

protected:
    moodycamel::ConcurrentQueue<item*> queue_{2 * kInFlightMax};
    /// For the consumer, on a cache line that no producer uses.
    alignas(64) moodycamel::ConsumerToken token_{queue_};
};

/// As moodycamel_tokens, with a consumer that takes in bulk.
class moodycamel_bulk : public moodycamel_tokens {
public:
    static constexpr const char* kName = "moodycamel, tokens, bulk";

    template <class Use>
    std::size_t take(Use use)
    {
        std::array<item*, kTakeMax> taken;
        const std::size_t count = queue_.try_dequeue_bulk(token_, taken.begin(), taken.size());
        for (item* const each : std::span(taken).first(count))
            use(*each);
        return count;
    }
};
#endif

#if NGPOLL_BENCH_BOOST
/// Its nodes are allocated in advance, as many as the queue can hold.
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
        void push_batch(batch pushed)
        {
            for (item* const each : pushed)
                queue_.push(each);
        }

    private:
        boost::lockfree::queue<item*>& queue_;
    };

    template <class Use>
    std::size_t take(Use use)
    {
        return take_one_by_one(
            [this] {
                item* taken = nullptr;
                return queue_.pop(taken) ? taken : nullptr;
            },
            use);
    }

private:
    boost::lockfree::queue<item*> queue_{kInFlightMax};
};
#endif

} // namespace peers
