// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include <ngpoll/detail/ring_state.hpp>
#include <ngpoll/request.hpp>

#include "native.hpp"

namespace ngpoll {

/// The place to which a transport's pass hands completions. On a private queue all belong to the
/// one ring, and finish at once. On a shared queue found_batch knows their owners.
///
/// A batch exists for one pass, on the polling thread.
class completion_batch {
public:
    using deadline = detail::native::deadline;

    completion_batch(detail::ring_state& own, deadline until) noexcept
        : own_(&own)
        , until_(until)
    {
    }
    completion_batch(detail::found_batch<detail::native>& shared) noexcept
        : shared_(&shared)
        , until_(shared.until())
    {
    }
    completion_batch(const completion_batch&) = delete;
    completion_batch& operator=(const completion_batch&) = delete;

    /// Whether every completion belongs to this ring, because the queue has no other ring.
    [[nodiscard]] bool all_own() const noexcept { return shared_ == nullptr; }

    /// Finishes `r` at once. Only if all_own().
    void finish_own(request& r, status outcome, std::uint64_t result) noexcept
    {
        set_outcome(r, outcome, result);
        own_->finish(r);
    }
    /// Finishes `r`, or hands it to its owner. `r` must not be touched afterwards.
    void finish(request& r, status outcome, std::uint64_t result) noexcept
    {
        set_outcome(r, outcome, result);
        if (all_own())
            own_->finish(r);
        else
            shared_->finish(r);
    }
    /// Hands `r` over on a shared queue. Only if not all_own().
    void finish_shared(request& r, status outcome, std::uint64_t result) noexcept
    {
        set_outcome(r, outcome, result);
        shared_->finish(r);
    }

    /// Counts completions handed in. The transport calls it once a stretch.
    void add_found(std::uint32_t count) noexcept { found_ += count; }
    [[nodiscard]] std::uint32_t found() const noexcept { return found_; }

    /// The time at which the pass has to end; null: none.
    [[nodiscard]] deadline until() const noexcept { return until_; }
    /// How many completions a transport may hand in before it asks is_late() again.
    [[nodiscard]] std::uint32_t stretch() const noexcept
    {
        return until_ == nullptr ? UINT32_MAX : kCallbacksPerLook;
    }
    /// Whether the remaining completions have to wait for the next pass.
    [[nodiscard]] bool is_late() const noexcept { return detail::native::is_over(until_); }

private:
    /// Most callbacks between two looks at a deadline.
    static constexpr std::uint32_t kCallbacksPerLook = 16;

    static void set_outcome(request& r, status outcome, std::uint64_t result) noexcept
    {
        // One store: the compiler would write the three members one after the other.
        std::memcpy(&r.status, &outcome, sizeof outcome);
        r.result = result;
    }

    detail::ring_state* own_ = nullptr;
    detail::found_batch<detail::native>* shared_ = nullptr;
    const deadline until_;
    std::uint32_t found_ = 0;
};

} // namespace ngpoll
