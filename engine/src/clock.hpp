// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

namespace ngpoll::detail {

inline std::uint64_t now_ns() noexcept
{
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

/// Between two looks of a spin: the processor's other hardware thread may have its units.
inline void relax() noexcept
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Between two looks at what another thread is about to do. A sleep, not a yield: a real-time
/// thread that yields keeps a lower one, which may be the one it waits for, from its processor.
inline void nap() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

} // namespace ngpoll::detail
