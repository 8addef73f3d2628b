// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include <ngpoll/request.hpp>
#include <ngpoll/ring.hpp>

namespace ngpoll {

/// What a polling pass hands found completions to. It carries the tag `poll_ctx`, the ring that
/// polls: one pointer compare decides whether a request finishes here or is another ring's. Those
/// are collected, a chain for each owner, and handed over at the end of the pass: one push and one
/// look at the sleeping owner for all of them, whatever their number.
///
/// Lives for one pass, on the polling ring's thread. The idea is that of Linux 7.0's polled NVMe
/// completion for the local ring context, for rings in user space.
class completion_batch {
public:
    explicit completion_batch(ring& poll_ctx) noexcept
        : poll_ctx_(&poll_ctx)
    {
    }
    completion_batch(const completion_batch&) = delete;
    completion_batch& operator=(const completion_batch&) = delete;

    /// Whether all that is found is the ring's own, for the queue has no other.
    [[nodiscard]] bool all_own() const noexcept { return !poll_ctx_->shared_; }

    /// Finishes `r` inline, where all_own().
    void finish_own(request& r, status outcome, std::uint64_t result) noexcept
    {
        set_outcome(r, outcome, result);
        poll_ctx_->finish(r);
    }

    /// Finishes `r` inline where its owner is the ring that polls, else keeps it for its owner.
    /// `r` must not be touched afterwards.
    void finish(request& r, status outcome, std::uint64_t result) noexcept
    {
        set_outcome(r, outcome, result);
        ring* const owner = r.owner;
        if (owner == poll_ctx_) [[likely]]
            owner->finish(r);
        else
            defer(r, *owner);
    }

    /// Completions handed to finish() so far, told once a batch by who calls it.
    void add_found(std::uint32_t count) noexcept { found_ += count; }

    /// Hands the kept ones over, in the order in which they were found, and wakes the owners that
    /// have waited for these. Within the pass: an owner that closes waits for its end. Returns how
    /// many it woke.
    std::uint32_t hand_over() noexcept;

    /// The other ring that something was found for last.
    [[nodiscard]] ring* last_deferred_to() const noexcept { return last_; }

    [[nodiscard]] std::uint32_t found() const noexcept { return found_; }
    [[nodiscard]] std::uint32_t finished_inline() const noexcept { return found_ - deferred_; }

private:
    static void set_outcome(request& r, status outcome, std::uint64_t result) noexcept
    {
        // One store: the compiler would write the three members one by one.
        std::memcpy(&r.status, &outcome, sizeof outcome);
        r.result = result;
    }

    void defer(request& r, ring& owner) noexcept
    {
        ++deferred_;
        // Outstanding until its owner finishes it: the owner may not submit it again before.
        r.status.taken = 1;
        ring::found_list& list = owner.found_;
        if (list.count++ == 0) {
            list.first = &r;
            list.next_ring = nullptr;
            (last_ == nullptr ? first_ : last_->found_.next_ring) = &owner;
            last_ = &owner;
        } else {
            // relaxed: published, with the requests, by the push of the chain.
            list.last->next.store(&r, std::memory_order_relaxed);
        }
        list.last = &r;
    }

    ring* const poll_ctx_;
    std::uint32_t found_ = 0;
    std::uint32_t deferred_ = 0;
    ring* first_ = nullptr; ///< of the owners that something is kept for
    ring* last_ = nullptr;
};

} // namespace ngpoll
