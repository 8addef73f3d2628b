// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// Which thread polls a shared queue: one at a time, and nobody touches what the role protects (the
/// transport, the submission queue's cursor) without it.
///
/// One word: 0 while the role is free, else how often it was tried for since it was free. Each look
/// at the role is such a try, so looks and releases come in one order:
///   R1  release() (release) -> the next try_take() that succeeds (acquire): what the role
///   protects. R2  a try_take() in vain (release) -> the release() that ends the turn (acquire):
///   what its
///       thread did before, a push or an arming. The holder looks for both after its release.
///
/// try_take() is anybody's, release() the holder's.
///
/// `Atomic` is std::atomic, or a model checker's replacement with the same members.
template <template <class> class Atomic = std::atomic>
class poller_role {
public:
    poller_role() noexcept = default;
    poller_role(const poller_role&) = delete;
    poller_role& operator=(const poller_role&) = delete;

    [[nodiscard]] bool try_take() noexcept
    {
        // acq_rel: acquire for R1, release for R2. 64 bits: tries of many years.
        return tries_.fetch_add(1, std::memory_order_acq_rel) == 0;
    }

    /// Returns how many tried in vain during the turn.
    std::uint64_t release() noexcept
    {
        // acq_rel: release for R1, acquire for R2.
        return tries_.exchange(0, std::memory_order_acq_rel) - 1;
    }

    /// A hint, and a figure: it may be another's before the caller looks again.
    [[nodiscard]] bool is_free() const noexcept
    {
        return tries_.load(std::memory_order_relaxed) == 0; // relaxed: a hint
    }

private:
    alignas(64) Atomic<std::uint64_t> tries_{0};
};

} // namespace ngpoll::detail
