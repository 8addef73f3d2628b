// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <ngpoll/assert.hpp>

#include "fetch_list.hpp"
#include "protocol_step.hpp"

namespace ngpoll::detail {

/// Delivers completions to the fetches of a group. It keeps completions found for the group that
/// lie in no buffer yet, in order, and knows which fetch is next. Only the poller uses it; once the
/// group is detached, a thread with the group's mutex.
///
/// Its state has three parts: the pending requests, the fetches that are ready, and the place where
/// the search for the active fetch begins.
template <class World>
class delivery {
public:
    using request = typename World::request;
    using fetch = basic_fetch<World>;

    explicit delivery(fetch_list<World>& fetches) noexcept
        : fetches_(fetches)
    {
    }

    /// Appends requests found in this pass, in order.
    void add_found(request& first, request& last, std::uint32_t count) noexcept
    {
        if (count_ == 0)
            first_ = &first;
        else
            last_->next.store(&first, std::memory_order_relaxed); // relaxed: the poller's link
        last_ = &last;
        count_ += count;
    }

    /// Ends a pass: fills one buffer of each ready fetch, in turn, as long as requests are pending.
    /// A fetch is ready if its worker waits. If no worker waits, a fetch with an empty buffer is
    /// ready, too. If a worker waits and nothing is pending, it takes back a batch that lies with a
    /// busy worker. It calls `filled` for each fetch that got a batch. Returns false if no later
    /// pass has to look here until something is found or the group calls.
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
    /// Whether a worker waits.
    [[nodiscard]] bool has_ready() const noexcept
    {
        return fetches_.find([](const fetch& each) { return each.can_fill(true); }) != nullptr;
    }

    /// Puts the batch that `from` has not read back to the front, in order.
    bool take_back(fetch& from) noexcept
    {
        std::uint32_t count = 0;
        request** const batch = from.take_back(count);
        if (batch == nullptr)
            return false;
        for (std::uint32_t i = 0; i < count; ++i) {
            World::set_deferred(*batch[i]);
            request* const behind = i + 1 < count ? batch[i + 1] : first_;
            batch[i]->next.store(behind, std::memory_order_relaxed); // relaxed: the poller's link
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

    /// Takes up to `most` requests, which belong to the caller from then on.
    std::uint32_t take(request** into, std::uint32_t most) noexcept
    {
        const std::uint32_t count = count_ < most ? count_ : most;
        request* at = first_;
        for (std::uint32_t i = 0; i < count; ++i) {
            into[i] = at;
            // relaxed: the poller made the link.
            request* const behind = static_cast<request*>(at->next.load(std::memory_order_relaxed));
            World::set_fetched(*at);
            at = behind;
        }
        first_ = at;
        count_ -= count;
        return count;
    }

    /// Number of requests put into a buffer so far and not taken back. Any thread.
    [[nodiscard]] std::uint64_t delivered() const noexcept
    {
        return delivered_.load(std::memory_order_acquire); // acquire: the batch is visible
    }
    /// Starts again. Nothing may be pending, and no other thread may look.
    void begin_at(std::uint64_t count) noexcept
    {
        delivered_.store(count, std::memory_order_relaxed); // relaxed: published with the place
    }

private:
    /// The active fetch: the first ready fetch behind the last one that got a batch.
    [[nodiscard]] fetch* next_ready(bool waiting) const noexcept
    {
        return fetches_.find_from(turn_, [this, waiting](const fetch& each) {
            return each.served_in != serves_ && each.can_fill(waiting);
        });
    }

    /// The cursor moves past the requests before the worker may see them: the worker may submit one
    /// again at once, which overwrites its link.
    void deliver(fetch& active) noexcept
    {
        // Its worker may withdraw it meanwhile. The call that follows takes the batch back.
        NGPOLL_DEBUG_ASSERT(active.is_in_use(), "a batch for a fetch that is free");
        const std::uint32_t count = take(active.next_to_fill().requests, active.batch_max);
        active.served_in = serves_;
        turn_ = active.next;
        active.fill(count);
        // Comes after the batch is visible: a worker that sees neither of them would sleep (F3).
        set_delivered(count);
    }
    void set_delivered(std::int64_t more) noexcept
    {
        // relaxed: single writer. release: the batch is visible before.
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
    fetch* turn_ = nullptr; ///< where the search for the active fetch begins
    typename World::template atomic<std::uint64_t> delivered_{0};
};

} // namespace ngpoll::detail
