// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <ngpoll/assert.hpp>

#include "fetch_list.hpp"
#include "protocol_step.hpp"

namespace ngpoll::detail {

/// How completions get to the fetches of a group: what was found for it and lies in no buffer yet,
/// in order, and who is next. The poller's alone; once the group is detached, its mutex's.
///
/// State follows from three things: what is pending, which fetches are ready, and where the search
/// for the active one begins.
template <class World>
class delivery {
public:
    using request = typename World::request;
    using fetch = basic_fetch<World>;

    explicit delivery(fetch_list<World>& fetches) noexcept
        : fetches_(fetches)
    {
    }

    /// Found in this pass, in order: behind what is there.
    void add_found(request& first, request& last, std::uint32_t count) noexcept
    {
        if (count_ == 0)
            first_ = &first;
        else
            last_->next.store(&first, std::memory_order_relaxed); // relaxed: the poller's
        last_ = &last;
        count_ += count;
    }

    /// The end of a pass: one buffer for each fetch that is ready, in turn, as long as something is
    /// there. Those whose workers wait are ready; once none waits, those with an empty buffer are,
    /// too. Where nothing else is left for one that waits, a batch that lies with a busy worker is
    /// taken back for it. `filled` is told each fetch that got a batch. False: no later pass has to
    /// look here unless something is found, or the group calls.
    template <class Filled>
    bool serve(Filled&& filled) noexcept
    {
        ++serves_;
        for (fetch* to; (to = next_ready(true)) != nullptr;) {
            if (count_ == 0 && !take_back_parked())
                return fetches_.has_parked();
            deliver(*to);
            filled(*to);
        }
        for (fetch* to; count_ != 0 && (to = next_ready(false)) != nullptr;) {
            deliver(*to);
            filled(*to);
        }
        return count_ != 0 || fetches_.has_parked();
    }
    /// A worker waits.
    [[nodiscard]] bool has_ready() const noexcept
    {
        return fetches_.find([](const fetch& each) { return each.can_fill(true); }) != nullptr;
    }

    /// What lies with it unread comes to the front again, in order.
    bool take_back(fetch& from) noexcept
    {
        std::uint32_t count = 0;
        request** const batch = from.take_back(count);
        if (batch == nullptr)
            return false;
        for (std::uint32_t i = 0; i < count; ++i) {
            World::set_deferred(*batch[i]);
            request* const behind = i + 1 < count ? batch[i + 1] : first_;
            batch[i]->next.store(behind, std::memory_order_relaxed); // relaxed: the poller's
        }
        if (count_ == 0)
            last_ = batch[count - 1];
        first_ = batch[0];
        count_ += count;
        set_delivered(-static_cast<std::int64_t>(count));
        return true;
    }
    bool take_back_any() noexcept
    {
        return fetches_.find([this](fetch& each) { return take_back(each); }) != nullptr;
    }

    /// Up to `most` requests, which are the caller's own from then on.
    std::uint32_t take(request** into, std::uint32_t most) noexcept
    {
        const std::uint32_t count = count_ < most ? count_ : most;
        request* at = first_;
        for (std::uint32_t i = 0; i < count; ++i) {
            into[i] = at;
            // relaxed: linked by the poller.
            request* const behind = static_cast<request*>(at->next.load(std::memory_order_relaxed));
            World::set_fetched(*at);
            at = behind;
        }
        first_ = at;
        count_ -= count;
        return count;
    }

    /// Put into a buffer so far, and not taken back. Any thread.
    [[nodiscard]] std::uint64_t delivered() const noexcept
    {
        return delivered_.load(std::memory_order_acquire); // acquire: the batch can be seen
    }
    /// Nothing is pending, and nobody else looks.
    void begin_at(std::uint64_t count) noexcept
    {
        delivered_.store(count, std::memory_order_relaxed); // relaxed: published with the place
    }

private:
    /// The active fetch: the first one that is ready, from the one behind the last that got a
    /// batch.
    [[nodiscard]] fetch* next_ready(bool waiting) const noexcept
    {
        return fetches_.find_from(turn_, [this, waiting](const fetch& each) {
            return each.served_in != serves_ && each.can_fill(waiting);
        });
    }

    /// The cursor moves past the requests before the worker may see them: it may submit one again
    /// the same instant, and that overwrites its link.
    void deliver(fetch& active) noexcept
    {
        NGPOLL_DEBUG_ASSERT(active.is_posted(), "a batch for a fetch that is not posted");
        const std::uint32_t count = take(active.next_to_fill().requests, active.batch_max);
        active.served_in = serves_;
        turn_ = active.next;
        active.fill(count);
        // After the batch can be seen: a worker that finds neither would sleep (F3).
        set_delivered(count);
    }
    void set_delivered(std::int64_t more) noexcept
    {
        // relaxed: single writer. release: the batch can be seen by then.
        const std::uint64_t before = delivered_.load(std::memory_order_relaxed);
        delivered_.store(before + static_cast<std::uint64_t>(more), std::memory_order_release);
    }
    bool take_back_parked() noexcept
    {
        return fetches_.find([this](fetch& each) { return each.has_parked() && take_back(each); })
            != nullptr;
    }

    fetch_list<World>& fetches_;
    request* first_ = nullptr; ///< pending
    request* last_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint32_t serves_ = 0; ///< the number of this pass
    fetch* turn_ = nullptr; ///< where the search for the active one begins
    typename World::template atomic<std::uint64_t> delivered_{0};
};

} // namespace ngpoll::detail
