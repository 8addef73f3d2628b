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

/// Called between two looks of a spin, so that the processor's other hardware thread gets its
/// units.
inline void relax() noexcept
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Called between two looks at something that another thread is about to do. It sleeps and does not
/// yield. A real-time thread that yields keeps its processor from threads of lower priority, and
/// may wait for such a thread.
inline void nap() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

} // namespace ngpoll::detail
