// SPDX-License-Identifier: MIT
#include "comparison.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "../report/rank_test.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

std::vector<double> iops_of(const repeated_run& part)
{
    std::vector<double> iops;
    for (const bench_result* run : part.runs)
        iops.push_back(run->total.iops());
    return iops;
}

/// Whether the IOPS of each part differ from the last part's by more than noise.
std::string noise_text(std::span<const repeated_run> parts)
{
    std::string text;
    const repeated_run& last = parts.back();
    for (const repeated_run& part : parts.first(parts.size() - 1)) {
        const auto found = compare_ranks(iops_of(last), iops_of(part));
        if (!found)
            return fmt::format("note: {} repetitions of each part (--repeat {}) tell whether a "
                               "difference is more than noise\n",
                kRepetitionsMin, kRepetitionsMin);
        text += fmt::format("IOPS of {} against {}: {} than noise (rank test, p={:.2g})\n",
            part.median->choice, last.median->choice,
            found->more_than_noise() ? "the difference is more" : "no more", found->chance);
    }
    return text;
}

} // namespace

std::string part_text(const bench_result& part)
{
    const bool has_own_word = part.options.workers != 0 || part.choice == "rings";
    return has_own_word ? part.choice : "--queues " + part.choice;
}

std::vector<compared_part> compare(std::span<const repeated_run> parts)
{
    std::vector<compared_part> compared;
    for (const repeated_run& repeated : parts) {
        const bench_result& part = *repeated.median;
        const bench_interval& all = part.total;
        const double last = parts.back().median->total.iops();
        const double seconds = std::max(all.seconds, 1e-9);
        compared.push_back({.choice = part.choice,
            .seconds = all.seconds,
            .iops = all.iops(),
            .iops_ratio = last > 0 ? all.iops() / last : 0,
            .thread_iops_min = all.thread_iops_min,
            .thread_iops_max = all.thread_iops_max,
            .deferred_share = ratio(all.stats.finished_deferred, all.finished()),
            .passes = all.stats.passes,
            .empty_passes = all.stats.empty_passes,
            .system_calls_per_io = ratio(all.stats.system_calls, all.finished()),
            .hand_overs_per_second = static_cast<double>(all.hand_overs()) / seconds,
            .wake_ups_per_second = static_cast<double>(all.wake_ups()) / seconds});
    }
    return compared;
}

std::string comparison_text(std::span<const repeated_run> parts)
{
    const std::vector<compared_part> compared = compare(parts);
    std::string text;
    const auto line = [&](const std::string& name, auto&& figure) {
        auto out = std::back_inserter(text);
        fmt::format_to(out, "{:<22}", name);
        for (const compared_part& part : compared)
            fmt::format_to(out, " {:>12}", figure(part));
        text += '\n';
    };
    using part = compared_part;
    const bench_options& options = parts.front().median->options;
    const bool has_workers = options.workers != 0 || options.beside_workers;
    line(has_workers ? "part" : "--queues", [](const part& p) { return p.choice; });
    if (options.blocks != 0)
        line("seconds", [](const part& p) { return fmt::format("{:.3f}", p.seconds); });
    line("IOPS", [](const part& p) { return rate_text(p.iops); });
    line("ratio to " + compared.back().choice,
        [](const part& p) { return fmt::format("{:.3f}", p.iops_ratio); });
    line("slowest thread", [](const part& p) { return rate_text(p.thread_iops_min); });
    line("fastest thread", [](const part& p) { return rate_text(p.thread_iops_max); });
    line("deferred", [](const part& p) { return fmt::format("{:.1f}%", 100 * p.deferred_share); });
    line("passes", [](const part& p) { return fmt::format("{}", p.passes); });
    line("empty passes", [](const part& p) { return fmt::format("{}", p.empty_passes); });
    line("system calls per I/O",
        [](const part& p) { return fmt::format("{:.4f}", p.system_calls_per_io); });
    line("hand-overs/s", [](const part& p) { return rate_text(p.hand_overs_per_second); });
    line("wake-ups/s", [](const part& p) { return rate_text(p.wake_ups_per_second); });
    if (options.repeat > 1)
        text += noise_text(parts);
    return text;
}

} // namespace ngpoll::cli
