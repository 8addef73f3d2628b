// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "delivery.hpp"
#include "fetch_list.hpp"

namespace ngpoll::detail {

/// A fetch group on a shared queue: its figures, its fetches, and what the poller delivers to them.
///
/// Figures, requests so far: returned <= delivered <= submitted <= returned + depth. What is
/// *outstanding* was submitted and is in no worker's buffer.
///   G1  submit's compare-exchange of `submitted_`, then its look for a sleeper <-> a worker's
///       arming, then its look at `submitted_`: all seq_cst, so one of the two sees the other.
///   G2  detach's store of `detached_`, then the closing thread's look at each fetch's `inside` <->
///       a worker's store of `inside`, then its look at `detached_`: all seq_cst.
///
/// Its memory is the queue's and the fetches', not the user's handle's.
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

    // ---- Any thread.

    /// Room for up to `wanted` requests; 0 where it is full, or closes. Each call that got some is
    /// followed by leave().
    std::uint32_t take_credits(std::uint32_t wanted) noexcept
    {
        // relaxed: the compare-exchange looks again.
        std::uint64_t before = submitted_.load(std::memory_order_relaxed);
        for (;;) {
            if ((before & kClosing) != 0)
                return 0;
            // relaxed: nothing is read through it. An older `before` may be behind it: the
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
    /// The submitting thread touches the queue no more for these.
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
    /// Since it was opened.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return submitted() - opened_at_; }
    /// In a buffer, or left over, and not taken by a worker.
    [[nodiscard]] std::uint64_t untaken() const noexcept
    {
        const std::uint64_t taken = returned_.load(std::memory_order_relaxed); // relaxed: a figure
        return submitted() - taken;
    }
    [[nodiscard]] std::uint64_t outstanding() const noexcept
    {
        // In this order: never below what it is.
        const std::uint64_t delivered = pending.delivered();
        return submitted() - delivered;
    }
    /// Whether a worker that waits has something to poll for: what is outstanding, or what lies
    /// with a worker that is busy. An idle group has neither, and its workers sleep.
    [[nodiscard]] bool wants_poller() const noexcept
    {
        return outstanding() != 0 || fetches.has_parked();
    }
    [[nodiscard]] bool is_detached() const noexcept
    {
        return detached_.load(std::memory_order_seq_cst); // seq_cst: G2
    }
    /// Claims a worker that sleeps to poll for all, in turn.
    [[nodiscard]] fetch* choose() noexcept
    {
        // relaxed, both: a hint where to begin.
        fetch* const chosen = fetches.find_from(choose_from_.load(std::memory_order_relaxed),
            [](fetch& each) { return each.sleep_state.choose(); });
        if (chosen != nullptr)
            choose_from_.store(chosen->next, std::memory_order_relaxed);
        return chosen;
    }

    // ---- Fetches that come and go: with the mutex held.

    /// One that may be set up and posted, or null.
    [[nodiscard]] fetch* free_fetch() const noexcept
    {
        return fetches.find([](const fetch& each) {
            // acquire, both: F4, and its last worker has left withdraw().
            return each.is.load(std::memory_order_acquire) == fetch::free
                && !each.inside.load(std::memory_order_acquire);
        });
    }
    void post(fetch& opened) noexcept
    {
        ++posted_;
        opened.is.store(fetch::posted, std::memory_order_release); // release: F4
    }
    /// False: the poller has to take back what lies there.
    bool withdraw(fetch& closing) noexcept
    {
        --posted_;
        closing.waits.store(false, std::memory_order_relaxed); // relaxed: a hint by now
        // release: the worker has given back what it held.
        closing.is.store(fetch::withdrawn, std::memory_order_release);
        if (!is_detached())
            return false;
        free_withdrawn();
        if (posted_ == 0)
            finish_in_place();
        return true;
    }
    /// What is left once the group is detached: up to `most`, in order; also what lies unread with
    /// another worker, for nothing is to come to one that is told so.
    std::uint32_t take_left(request** into, std::uint32_t most) noexcept
    {
        const std::uint32_t count = pending.take(into, most);
        return count != 0 || !pending.take_back_any() ? count : pending.take(into, most);
    }

    // ---- The closing thread's.

    /// call() follows.
    void begin_closing() noexcept
    {
        // relaxed: each submit() looks at this word; the poller is called.
        submitted_.fetch_add(kClosing, std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_closing() const noexcept
    {
        return (submitted_.load(std::memory_order_relaxed) & kClosing) != 0; // relaxed: a hint
    }
    /// Nobody is inside the queue's code for this group any more, and the poller knows of no call.
    [[nodiscard]] bool all_left() const noexcept
    {
        // acquire: leave(); they touch the queue no more.
        return left_.load(std::memory_order_acquire) == submitted()
            && !called.load(std::memory_order_acquire) // acquire: the poller has looked
            && fetches.find([](const fetch& each) {
                   return each.inside.load(std::memory_order_seq_cst); // seq_cst: G2
               })
            == nullptr;
    }
    /// To be used again: it is detached, and nobody has a fetch of it.
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

    // ---- The poller's.

    void add_found(request& first, request& last, std::uint32_t count) noexcept
    {
        found_ += count;
        pending.add_found(first, last, count);
    }
    /// It called: fetches were withdrawn. What lies there unread is to be served again.
    void free_withdrawn() noexcept
    {
        static_cast<void>(fetches.find([this](fetch& each) {
            // acquire: the worker has given back what it held.
            if (each.is.load(std::memory_order_acquire) == fetch::withdrawn) {
                pending.take_back(each);
                each.is.store(fetch::free, std::memory_order_release); // release: F4
            }
            return false;
        }));
    }
    /// Whether it closes and nothing is under way any more.
    [[nodiscard]] bool can_detach() const noexcept
    {
        // relaxed: the mark tells how many were submitted; call() brings it, at the latest.
        const std::uint64_t word = submitted_.load(std::memory_order_relaxed);
        return (word & kClosing) != 0 && found_ == (word & ~kClosing) && !is_detached();
    }
    /// The poller lets it go. What is left is the fetches' from here on.
    void detach() noexcept
    {
        const std::lock_guard lock(mutex);
        free_withdrawn();
        if (posted_ == 0)
            finish_in_place();
        detached_.store(true, std::memory_order_seq_cst); // seq_cst: G2; release: what is left
    }

    std::uint32_t depth = 0; ///< what it may hold at once
    inbox* place = nullptr; ///< on the queue
    fetch_list<World> fetches;
    delivery<World> pending{fetches};
    typename World::mutex mutex;

    // The poller's list of groups to serve, and that of those that have called it.
    basic_group* next_to_serve = nullptr;
    bool to_be_served = false;
    basic_group* next_called = nullptr;
    atomic<bool> called{false};

private:
    /// Of the figure of what was submitted: no more are taken.
    static constexpr std::uint64_t kClosing = std::uint64_t{1} << 63;

    /// No fetch is left to give them out.
    void finish_in_place() noexcept
    {
        request* one = nullptr;
        while (pending.take(&one, 1) != 0) { }
    }

    alignas(64) atomic<std::uint64_t> submitted_{0}; ///< and kClosing
    alignas(64) atomic<std::uint64_t> returned_{0}; ///< taken by workers
    atomic<std::uint64_t> left_{0}; ///< whose submit() has returned
    atomic<bool> detached_{false};
    atomic<fetch*> choose_from_{nullptr};
    std::uint32_t posted_ = 0; ///< the mutex's
    std::uint64_t opened_at_ = 0; ///< what was submitted to those before it
    std::uint64_t found_ = 0; ///< the poller's
};

} // namespace ngpoll::detail
