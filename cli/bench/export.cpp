// SPDX-License-Identifier: MIT
#include "export.hpp"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "latency.hpp"

namespace ngpoll::cli {

namespace {

/// Lines until the share above the percentile is halved. HdrHistogram's own tools write as many.
constexpr double kLinesPerHalving = 5;

/// The percentile after `share`.
double next_share(double share)
{
    const double halvings = std::floor(std::log2(1 / (1 - share))) + 1;
    const double next = share + 1 / (kLinesPerHalving * std::exp2(halvings));
    return std::round(next * 1e12) / 1e12; // to the digits that are printed
}

} // namespace

std::string csv_text(std::span<const bench_result> parts)
{
    std::string text = "part,time,seconds,iops,bytes_per_second,errors,mean_ns,max_ns";
    auto out = std::back_inserter(text);
    for (const percentile& each : kPercentiles)
        fmt::format_to(out, ",{}_ns", each.key);
    text += '\n';
    std::size_t number = 0;
    for (const bench_result& part : parts) {
        ++number;
        for (const bench_interval& second : part.intervals) {
            fmt::format_to(out, "{},{:.3f},{:.6f},{:.1f},{:.0f},{}", number, second.end_seconds,
                second.seconds, second.iops(),
                second.iops() * static_cast<double>(part.options.block_bytes), second.errors);
            const latency_summary& latency = second.latency;
            if (latency.count == 0) {
                text.append(2 + kPercentiles.size(), ',');
            } else {
                fmt::format_to(out, ",{:.0f},{:.0f}", latency.mean_ns, latency.max_ns);
                for (const double at : latency.at_ns)
                    fmt::format_to(out, ",{:.0f}", at);
            }
            text += '\n';
        }
    }
    return text;
}

std::string hgrm_text(const latency_histogram& of, double ns_per_tick)
{
    const double unit = ns_per_tick / 1000;
    std::string text = fmt::format(
        "{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    auto out = std::back_inserter(text);
    double share = 0;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < latency_buckets::kCount && below < of.total(); ++i) {
        below += of.in_bucket(i);
        // Several percentiles may end in one bucket; each gets a line.
        while (of.in_bucket(i) != 0
            && static_cast<double>(below) >= share * static_cast<double>(of.total())) {
            fmt::format_to(out, "{:12.3f} {:14.12f} {:10} {:14.2f}\n",
                static_cast<double>(latency_buckets::most(i)) * unit, share, below,
                1 / (1 - share));
            if (below == of.total())
                break;
            share = next_share(share);
        }
    }
    fmt::format_to(out, "{:12.3f} {:14.12f} {:10}\n", of.most() * unit, 1.0, of.total());
    fmt::format_to(out, "#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", of.mean() * unit,
        of.standard_deviation() * unit);
    fmt::format_to(
        out, "#[Max     = {:12.3f}, Total count    = {:12}]\n", of.most() * unit, of.total());
    fmt::format_to(out, "#[Buckets = {:12}, SubBuckets     = {:12}]\n",
        latency_buckets::kCount >> latency_buckets::kLinearBits,
        std::size_t{1} << latency_buckets::kLinearBits);
    return text;
}

} // namespace ngpoll::cli
