// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ngpoll::cli {

/// The clock that each I/O is timed with.
enum class tick_source : std::uint8_t {
    none, ///< no I/O is timed
    tsc, ///< the processor's time stamp counter, in ticks of its own
    system, ///< CLOCK_MONOTONIC, in nanoseconds
};

/// "tsc" or "clock_gettime"; empty for `none`.
[[nodiscard]] const char* to_string(tick_source source) noexcept;

/// The time stamp counter if it can be trusted, because it is cheaper; else the system's clock.
[[nodiscard]] tick_source best_tick_source();

/// The time in ticks of `Source`. The processor may read its counter some instructions early or
/// late. That does not matter, because an I/O takes a thousand times as long.
template <tick_source Source>
[[nodiscard]] inline std::uint64_t ticks_now() noexcept
{
#if defined(__x86_64__)
    if constexpr (Source == tick_source::tsc)
        return __rdtsc();
#endif
    if constexpr (Source == tick_source::none)
        return 0;
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Measures how long a tick is, against CLOCK_MONOTONIC_RAW. The measurement lasts from the
/// constructor to the call of nanoseconds(), so it costs the run no time. It is good to 10^-7 after
/// a second.
class tick_length {
public:
    explicit tick_length(tick_source source) noexcept;

    [[nodiscard]] double nanoseconds() const noexcept;

private:
    struct instant {
        std::uint64_t ticks;
        std::uint64_t raw_ns;
    };
    [[nodiscard]] static instant now() noexcept;

    tick_source source_;
    instant start_{};
};

} // namespace ngpoll::cli
