// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "delivery.hpp"
#include "fetch_list.hpp"

namespace ngpoll::detail {

/// A fetch group on a shared queue: its figures, its fetches, and the delivery to them.
///
/// Figures, requests so far: returned <= delivered <= submitted <= returned + depth. A request is
/// *outstanding* if it was submitted and is in no worker's buffer.
///   G1  submit's compare-exchange of `submitted_`, then its look for a sleeper <-> a worker's
///       arming, then its look at `submitted_`: all seq_cst, so one of the two sees the other.
///   G2  detach's store of `detached_`, then the closing thread's look at each fetch's `inside` <->
///       a worker's store of `inside`, then its look at `detached_`: all seq_cst.
///
/// Its memory belongs to the queue and the fetches, not to the user's handle.
template <class World>
class basic_group {
public:
    using request = typename World::request;
    using inbox = typename World::inbox;
    using fetch = basic_fetch<World>;
    template <class T>
    using atomic = typename World::template atomic<T>;

    basic_group() = default;
    basic_group(const basic_group&) = delete;
    basic_group& operator=(const basic_group&) = delete;

    // ---- For any thread.

    /// Takes room for up to `wanted` requests. Returns 0 if the group is full or closes. leave()
    /// follows each call that got some.
    std::uint32_t take_credits(std::uint32_t wanted) noexcept
    {
        // relaxed: the compare-exchange looks again.
        std::uint64_t before = submitted_.load(std::memory_order_relaxed);
        for (;;) {
            if ((before & kClosing) != 0)
                return 0;
            // relaxed: nothing is read through it. An older `before` may be smaller: the
            // compare-exchange fails then.
            const std::uint64_t used = before - returned_.load(std::memory_order_relaxed);
            const std::uint64_t room = used > depth ? 0 : depth - used;
            const auto taken = static_cast<std::uint32_t>(room < wanted ? room : wanted);
            if (taken == 0 && used <= depth)
                return 0;
            // seq_cst: G1. relaxed on failure: the next round looks again.
            if (submitted_.compare_exchange_strong(
                    before, before + taken, std::memory_order_seq_cst, std::memory_order_relaxed))
                return taken;
        }
    }
    /// The submitting thread no longer touches the queue for these requests.
    void leave(std::uint32_t count) noexcept
    {
        left_.fetch_add(count, std::memory_order_release); // release: pairs with all_left()
    }
    void add_returned(std::uint32_t count) noexcept
    {
        returned_.fetch_add(count, std::memory_order_relaxed); // relaxed: see take_credits()
    }

    [[nodiscard]] std::uint64_t submitted() const noexcept
    {
        return submitted_.load(std::memory_order_seq_cst) & ~kClosing; // seq_cst: G1
    }
    /// Number of requests accepted since the group was opened.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return submitted() - opened_at_; }
    /// Requests that lie in a buffer, or are left over, and that no worker took.
    [[nodiscard]] std::uint64_t untaken() const noexcept
    {
        const std::uint64_t taken = returned_.load(std::memory_order_relaxed); // relaxed: a figure
        return submitted() - taken;
    }
    [[nodiscard]] std::uint64_t outstanding() const noexcept
    {
        // In this order, so that the result is never too small.
        const std::uint64_t delivered = pending.delivered();
        return submitted() - delivered;
    }
    /// Whether a waiting worker has something to poll for: outstanding requests, or a batch that
    /// lies with a busy worker. An idle group has neither, and its workers sleep.
    [[nodiscard]] bool wants_poller() const noexcept
    {
        return outstanding() != 0 || fetches.has_parked();
    }
    [[nodiscard]] bool is_detached() const noexcept
    {
        return detached_.load(std::memory_order_seq_cst); // seq_cst: G2
    }
    /// Claims a sleeping worker to poll for all. Workers take turns.
    [[nodiscard]] fetch* choose() noexcept
    {
        // relaxed, both: only a hint where to begin.
        fetch* const chosen = fetches.find_from(choose_from_.load(std::memory_order_relaxed),
            [](fetch& each) { return each.sleep_state.choose(); });
        if (chosen != nullptr)
            choose_from_.store(chosen->next, std::memory_order_relaxed);
        return chosen;
    }

    // ---- Fetches that come and go; call with the mutex held.

    /// A fetch that may be set up and posted, or null.
    [[nodiscard]] fetch* free_fetch() const noexcept
    {
        return fetches.find([](const fetch& each) {
            // acquire, both: F4, and the fetch's last worker has left withdraw().
            return each.is.load(std::memory_order_acquire) == fetch::free
                && !each.inside.load(std::memory_order_acquire);
        });
    }
    void post(fetch& opened) noexcept
    {
        ++posted_;
        opened.is.store(fetch::posted, std::memory_order_release); // release: F4
    }
    /// Withdraws a fetch. False: the poller has to take back its batch.
    bool withdraw(fetch& closing) noexcept
    {
        --posted_;
        closing.waits.store(false, std::memory_order_relaxed); // relaxed: a hint by now
        // release: the worker has given back its buffer.
        closing.is.store(fetch::withdrawn, std::memory_order_release);
        if (!is_detached())
            return false;
        free_withdrawn();
        if (posted_ == 0)
            finish_in_place();
        return true;
    }
    /// Takes up to `most` of the requests that are left once the group is detached, in order. Also
    /// takes a batch that another worker has not read: a worker that is told of the end must get
    /// nothing later.
    std::uint32_t take_left(request** into, std::uint32_t most) noexcept
    {
        const std::uint32_t count = pending.take(into, most);
        return count != 0 || !pending.take_back_any() ? count : pending.take(into, most);
    }

    // ---- For the closing thread.

    /// The caller calls call() afterwards.
    void begin_closing() noexcept
    {
        // relaxed: each submit() looks at this word, and call() tells the poller.
        submitted_.fetch_add(kClosing, std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_closing() const noexcept
    {
        return (submitted_.load(std::memory_order_relaxed) & kClosing) != 0; // relaxed: a hint
    }
    /// Whether no thread is inside the queue's code for this group, and the poller has seen all
    /// calls.
    [[nodiscard]] bool all_left() const noexcept
    {
        // acquire: pairs with leave(); these threads no longer touch the queue.
        return left_.load(std::memory_order_acquire) == submitted()
            && !called.load(std::memory_order_acquire) // acquire: the poller has seen the call
            && fetches.find([](const fetch& each) {
                   return each.inside.load(std::memory_order_seq_cst); // seq_cst: G2
               })
            == nullptr;
    }
    /// Prepares a detached group for another use. No thread has a fetch of it.
    void reopen(std::uint32_t room, inbox& at) noexcept
    {
        depth = room;
        place = &at;
        // relaxed, all: published with the place.
        opened_at_ = submitted_.load(std::memory_order_relaxed) & ~kClosing;
        found_ = opened_at_;
        pending.begin_at(opened_at_);
        returned_.store(opened_at_, std::memory_order_relaxed); // relaxed: as above
        left_.store(opened_at_, std::memory_order_relaxed); // relaxed: as above
        submitted_.store(opened_at_, std::memory_order_relaxed); // relaxed: as above
        detached_.store(false, std::memory_order_relaxed); // relaxed: as above
    }

    // ---- For the poller.

    void add_found(request& first, request& last, std::uint32_t count) noexcept
    {
        found_ += count;
        pending.add_found(first, last, count);
    }
    /// Frees withdrawn fetches after a call. Batches that they did not read are served again.
    void free_withdrawn() noexcept
    {
        static_cast<void>(fetches.find([this](fetch& each) {
            // acquire: the worker has given back its buffer.
            if (each.is.load(std::memory_order_acquire) == fetch::withdrawn) {
                pending.take_back(each);
                each.is.store(fetch::free, std::memory_order_release); // release: F4
            }
            return false;
        }));
    }
    /// Whether the group closes and nothing is under way any more.
    [[nodiscard]] bool can_detach() const noexcept
    {
        // relaxed: with kClosing set the word no longer grows; call() publishes it at the latest.
        const std::uint64_t word = submitted_.load(std::memory_order_relaxed);
        return (word & kClosing) != 0 && found_ == (word & ~kClosing) && !is_detached();
    }
    /// The poller gives the group up. The fetches give out the requests that are left.
    void detach() noexcept
    {
        const std::lock_guard lock(mutex);
        free_withdrawn();
        if (posted_ == 0)
            finish_in_place();
        // seq_cst: G2; release: publishes what is left
        detached_.store(true, std::memory_order_seq_cst);
    }

    std::uint32_t depth = 0; ///< most requests at once
    inbox* place = nullptr; ///< the group's place on the queue
    fetch_list<World> fetches;
    delivery<World> pending{fetches};
    typename World::mutex mutex;

    // Links of the poller's list of groups to serve, and of its list of groups that have called.
    basic_group* next_to_serve = nullptr;
    bool to_be_served = false;
    basic_group* next_called = nullptr;
    atomic<bool> called{false};

private:
    /// A bit of the figure of submitted requests: the group takes no more.
    static constexpr std::uint64_t kClosing = std::uint64_t{1} << 63;

    /// Finishes the requests that are left, because there is no fetch.
    void finish_in_place() noexcept
    {
        request* one = nullptr;
        while (pending.take(&one, 1) != 0) { }
    }

    alignas(64) atomic<std::uint64_t> submitted_{0}; ///< with kClosing
    alignas(64) atomic<std::uint64_t> returned_{0}; ///< requests taken by workers
    atomic<std::uint64_t> left_{0}; ///< requests whose submit() has returned
    atomic<bool> detached_{false};
    atomic<fetch*> choose_from_{nullptr};
    std::uint32_t posted_ = 0; ///< guarded by the mutex
    std::uint64_t opened_at_ = 0; ///< number of requests submitted in earlier uses of the group
    std::uint64_t found_ = 0; ///< only the poller uses it
};

} // namespace ngpoll::detail
