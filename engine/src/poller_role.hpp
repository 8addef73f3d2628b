// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// Decides which thread polls a shared queue. One thread at a time has the role. No thread without
/// it touches what it protects: the transport and the submission queue's cursor.
///
/// The role is one word. 0: the role is free. Any other value: how often threads have tried for it
/// since it was free. Each look at the role is such a try, so looks and releases come in one order:
///   R1  release() (release) -> the next try_take() that succeeds (acquire): what the role
///       protects.
///
///   R2  a try_take() in vain (release) -> the release() that ends the turn (acquire): a push or an
///       arming of its thread before the try. The holder looks for both after its release.
///
/// Any thread may call try_take(); only the holder calls release().
///
/// `Atomic` is std::atomic, or the replacement of a model checker with the same members.
template <template <class> class Atomic = std::atomic>
class poller_role {
public:
    poller_role() noexcept = default;
    poller_role(const poller_role&) = delete;
    poller_role& operator=(const poller_role&) = delete;

    [[nodiscard]] bool try_take() noexcept
    {
        // acq_rel: acquire for R1, release for R2. 64 bits last for tries of many years.
        return tries_.fetch_add(1, std::memory_order_acq_rel) == 0;
    }

    /// Returns how many threads tried in vain during the turn.
    std::uint64_t release() noexcept
    {
        // acq_rel: release for R1, acquire for R2.
        return tries_.exchange(0, std::memory_order_acq_rel) - 1;
    }

    /// A hint, and a figure: another thread may have the role before the caller looks again.
    [[nodiscard]] bool is_free() const noexcept
    {
        return tries_.load(std::memory_order_relaxed) == 0; // relaxed: a hint
    }

private:
    alignas(64) Atomic<std::uint64_t> tries_{0};
};

} // namespace ngpoll::detail
