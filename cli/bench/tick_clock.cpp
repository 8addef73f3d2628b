// SPDX-License-Identifier: MIT
#include "tick_clock.hpp"

#include <ctime>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

std::uint64_t raw_now_ns() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U
        + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

const char* to_string(tick_source source) noexcept
{
    switch (source) {
    case tick_source::none: return "";
    case tick_source::tsc: return "tsc";
    case tick_source::system: return "clock_gettime";
    }
    return "";
}

tick_source best_tick_source()
{
#if defined(__x86_64__)
    if (time_stamp_counter_is_steady())
        return tick_source::tsc;
#endif
    return tick_source::system;
}

tick_length::tick_length(tick_source source) noexcept
    : source_(source)
{
    if (source_ == tick_source::tsc)
        start_ = now();
}

double tick_length::nanoseconds() const noexcept
{
    if (source_ != tick_source::tsc)
        return 1;
    // There may be no ticks between the two reads to divide by.
    const instant end = now();
    const auto ticks = static_cast<double>(end.ticks - start_.ticks);
    return ticks > 0 ? static_cast<double>(end.raw_ns - start_.raw_ns) / ticks : 0;
}

tick_length::instant tick_length::now() noexcept
{
    // Take the shortest of some tries: no interrupt and no hypervisor came between its reads.
    constexpr int kTries = 8;
    instant best{};
    std::uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < kTries; ++i) {
        const std::uint64_t before = ticks_now<tick_source::tsc>();
        const std::uint64_t raw_ns = raw_now_ns();
        const std::uint64_t took = ticks_now<tick_source::tsc>() - before;
        if (took < shortest) {
            shortest = took;
            best = {.ticks = before + took / 2, .raw_ns = raw_ns};
        }
    }
    return best;
}

} // namespace ngpoll::cli
