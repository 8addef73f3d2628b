// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include <ngpoll/request.hpp>
#include <ngpoll/ring.hpp>

namespace ngpoll {

/// What a polling pass hands the completions it finds to. It carries the tag `poll_ctx`, the ring
/// that polls: one pointer compare decides whether a request finishes here or goes to its owner.
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

    /// Finishes `r` inline where its owner is the ring that polls, else defers it to its owner.
    /// `r` must not be touched afterwards.
    void finish(request& r, status outcome, std::uint64_t result) noexcept
    {
        // One store: the compiler would write the three members one by one.
        std::memcpy(&r.status, &outcome, sizeof outcome);
        r.result = result;
        ring* const owner = r.owner;
        if (owner == poll_ctx_) [[likely]] {
            owner->finish(r);
        } else {
            ++deferred_;
            last_deferred_to_ = owner;
            owner->defer(r);
        }
    }

    /// Completions handed to finish() so far, told once a batch by who calls it.
    void add_found(std::uint32_t count) noexcept { found_ += count; }

    /// The other ring that got a completion last; its request shows that it is there still.
    [[nodiscard]] ring* last_deferred_to() const noexcept { return last_deferred_to_; }

    [[nodiscard]] std::uint32_t found() const noexcept { return found_; }
    [[nodiscard]] std::uint32_t deferred() const noexcept { return deferred_; }
    [[nodiscard]] std::uint32_t finished_inline() const noexcept { return found_ - deferred_; }

private:
    ring* const poll_ctx_;
    std::uint32_t found_ = 0;
    std::uint32_t deferred_ = 0;
    ring* last_deferred_to_ = nullptr;
};

} // namespace ngpoll
