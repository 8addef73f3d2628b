// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// Wakes rings and workers, and counts those that were woken and have not run since. Any thread.
template <class World>
class waker {
public:
    using wake_target = typename World::wake_target;

    /// Called with a claim on the sleeper. It is the last touch of the sleeper's ring or worker.
    void wake(wake_target& sleeping, bool by_event) noexcept
    {
        if (!by_event)
            woken_.fetch_add(1, std::memory_order_relaxed); // relaxed: a hint
        wake_uncounted(sleeping, by_event);
    }
    /// Wakes like wake(), for a sleeper that does not call runs_again(): the resident.
    static void wake_uncounted(wake_target& sleeping, bool by_event) noexcept
    {
        if (by_event)
            World::write_event(sleeping);
        else
            World::wake(sleeping.sleep_state.word());
        sleeping.sleep_state.touched();
    }
    /// A sleeper calls this after a waker has claimed it.
    void runs_again() noexcept
    {
        woken_.fetch_sub(1, std::memory_order_relaxed); // relaxed: a hint
    }

    /// A woken thread that has not run yet may be waiting for this processor. Without a yield it
    /// waits until the end of this thread's time slice, milliseconds. Requests that it then submits
    /// are polled for next.
    void yield_to_woken() noexcept
    {
        if (woken() > 0)
            World::yield();
    }

    /// A figure.
    [[nodiscard]] std::int32_t woken() const noexcept
    {
        return woken_.load(std::memory_order_relaxed); // relaxed: a figure
    }

private:
    alignas(64) typename World::template atomic<std::int32_t> woken_{0};
};

} // namespace ngpoll::detail
