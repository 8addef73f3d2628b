// SPDX-License-Identifier: MIT
#include "result.hpp"

#include <algorithm>

namespace ngpoll::cli {

bench_interval bench_interval::since(const bench_interval& before) const noexcept
{
    const ring_stats& a = stats;
    const ring_stats& b = before.stats;
    return {.seconds = seconds - before.seconds,
        .end_seconds = end_seconds,
        .stats = {.finished_inline = a.finished_inline - b.finished_inline,
            .finished_deferred = a.finished_deferred - b.finished_deferred,
            .passes = a.passes - b.passes,
            .empty_passes = a.empty_passes - b.empty_passes,
            .system_calls = a.system_calls - b.system_calls,
            .sent = a.sent - b.sent,
            .sleeps = a.sleeps - b.sleeps,
            .wakes = a.wakes - b.wakes,
            .takeovers = a.takeovers - b.takeovers},
        .batches = batches - before.batches,
        .errors = errors - before.errors};
}

latency_set bench_result::sum_of(latency_set bench_drive::*which) const
{
    latency_set sum;
    for (const bench_drive& drive : drives)
        for (std::size_t o = 0; o < sum.size(); ++o)
            sum[o] += (drive.*which)[o];
    return sum;
}

bench_interval together(
    std::span<const bench_interval> threads, const ring_stats& residents) noexcept
{
    bench_interval sum{.seconds = threads.front().seconds,
        .end_seconds = threads.front().end_seconds,
        .stats = residents,
        .threads = static_cast<std::uint32_t>(threads.size()),
        .thread_iops_min = threads.front().iops(),
        .thread_iops_max = threads.front().iops()};
    for (const bench_interval& thread : threads) {
        sum.stats += thread.stats;
        sum.batches += thread.batches;
        sum.errors += thread.errors;
        sum.thread_iops_min = std::min(sum.thread_iops_min, thread.iops());
        sum.thread_iops_max = std::max(sum.thread_iops_max, thread.iops());
    }
    return sum;
}

} // namespace ngpoll::cli
