// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "latency_histogram.hpp"

namespace ngpoll::cli {

/// One of the percentiles that are reported.
struct percentile {
    const char* key; ///< in JSON
    const char* text; ///< on the screen
    double share;
};

inline constexpr std::array<percentile, 7> kPercentiles{{
    {"p50", "50", 0.5},
    {"p90", "90", 0.9},
    {"p99", "99", 0.99},
    {"p99_9", "99.9", 0.999},
    {"p99_99", "99.99", 0.9999},
    {"p99_999", "99.999", 0.99999},
    {"p99_9999", "99.9999", 0.999999},
}};

/// The figures of a distribution, in nanoseconds. All are 0 if the distribution is empty.
struct latency_summary {
    std::uint64_t count = 0;
    double min_ns = 0;
    double mean_ns = 0;
    double max_ns = 0;
    std::array<double, kPercentiles.size()> at_ns{}; ///< in the order of kPercentiles

    [[nodiscard]] double p50_ns() const noexcept { return at_ns[0]; }
    [[nodiscard]] double p99_ns() const noexcept { return at_ns[2]; }
};

[[nodiscard]] latency_summary summarise(const latency_histogram& of, double ns_per_tick);

/// All operations together.
[[nodiscard]] latency_histogram merged(const latency_set& of);

/// "812ns", "98.3us", "12.5ms", "3.21s".
[[nodiscard]] std::string duration_text(double ns);

} // namespace ngpoll::cli
