// SPDX-License-Identifier: MIT
#include "latency.hpp"

#include <iterator>

#include <fmt/format.h>

namespace ngpoll::cli {

latency_summary summarise(const latency_histogram& of, double ns_per_tick)
{
    latency_summary all{.count = of.total(),
        .min_ns = of.least() * ns_per_tick,
        .mean_ns = of.mean() * ns_per_tick,
        .max_ns = of.most() * ns_per_tick};
    for (std::size_t i = 0; i < kPercentiles.size(); ++i)
        all.at_ns[i] = of.percentile(kPercentiles[i].share) * ns_per_tick;
    return all;
}

latency_histogram merged(const latency_set& of)
{
    latency_histogram all;
    for (const latency_histogram& each : of)
        all += each;
    return all;
}

std::string duration_text(double ns)
{
    constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
    std::size_t unit = 0;
    // Take the next unit if the value would be rounded to 1000.
    for (; ns >= 999.5 && unit + 1 < std::size(kUnits); ++unit)
        ns /= 1000;
    const int decimals = unit == 0 || ns >= 99.95 ? 0 : ns >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f}{}", ns, decimals, kUnits[unit]);
}

} // namespace ngpoll::cli
