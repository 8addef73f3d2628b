// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "cost.hpp"
#include "drive_place.hpp"
#include "latency.hpp"
#include "options.hpp"
#include "placement.hpp"
#include "plan.hpp"
#include "tick_clock.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// A drive that reached less than this share of --rate did not keep up.
inline constexpr double kRateReached = 0.98;

/// The figures of one thread, or of all threads together, over a stretch of time.
struct bench_interval {
    double seconds = 0;
    double end_seconds = 0; ///< from the start of the run to the end of this stretch
    ring_stats stats{};
    std::uint64_t batches = 0; ///< taken by workers of a group
    std::uint64_t errors = 0;
    std::uint32_t threads = 1;
    double thread_iops_min = 0; ///< of the slowest thread
    double thread_iops_max = 0;
    // Only for all threads together:
    latency_summary latency{}; ///< of the I/Os that succeeded; at a rate from when they were due
    latency_summary service_latency{}; ///< at a rate: from submit() on
    process_cost cost{};

    [[nodiscard]] std::uint64_t finished() const noexcept
    {
        return stats.finished_inline + stats.finished_deferred;
    }
    [[nodiscard]] double iops() const noexcept
    {
        return seconds > 0 ? static_cast<double>(finished()) / seconds : 0;
    }
    /// A figure of the whole stretch, divided by the I/Os that finished.
    [[nodiscard]] double per_io(double figure) const noexcept
    {
        return finished() == 0 ? 0 : figure / static_cast<double>(finished());
    }
    /// How many processors were busy: 2 means two processors all the time.
    [[nodiscard]] double processor_share() const noexcept
    {
        return seconds > 0 ? cost.processor_ns() / (seconds * 1e9) : 0;
    }
    // The cost of sharing a poll queue. Only these two functions take it from ring_stats.
    /// How often the poller's role moved from one ring to another.
    [[nodiscard]] std::uint64_t hand_overs() const noexcept { return stats.takeovers; }
    /// How often a ring woke another one.
    [[nodiscard]] std::uint64_t wake_ups() const noexcept { return stats.wakes; }

    /// The counts of the time after `before`. Both stretches begin with the run.
    [[nodiscard]] bench_interval since(const bench_interval& before) const noexcept;
};

/// The sum of threads over the same stretch of time, and of the resident pollers.
[[nodiscard]] bench_interval together(
    std::span<const bench_interval> threads, const ring_stats& residents) noexcept;

/// A value of an option that --sweep changes.
struct swept_value {
    std::string key; ///< sweep_axis::key
    std::string text; ///< as it was given
    std::optional<double> number{}; ///< the value, if it is a number
};

/// A drive of a run, with the figures of the threads on it. Each thread is on one drive.
struct bench_drive {
    namespace_info device;
    drive_place place;
    bench_geometry geometry;
    placement layout; ///< of its threads and poll queues, both numbered from 0
    std::uint32_t first_thread = 0; ///< the index in the run of this drive's first thread
    std::uint32_t first_queue = 0; ///< the index in the run of this drive's first poll queue
    std::vector<poll_queue_report> queues;
    role_policy role = role_policy::waiter; ///< the poller of shared queues
    bench_interval total; ///< of its threads together; only the whole process has a cost
    latency_set latencies; ///< of the total, in ticks
    latency_set service_latencies; ///< at a rate, from submit() on
    std::vector<error_count> errors;
    bench_worker::first_reads first; ///< of all its threads; empty if the drive is emulated

    [[nodiscard]] std::uint32_t threads() const noexcept
    {
        return static_cast<std::uint32_t>(layout.seats.size());
    }
};

/// All facts and figures of a run.
struct bench_result {
    std::vector<bench_drive> drives; ///< at least one
    bench_options options;
    std::string choice; ///< the word that chose its poll queues
    std::vector<swept_value> values; ///< of its cell of a sweep
    std::size_t variant = 0; ///< the index of its part of a comparison, or its cell of a sweep
    std::size_t number = 1; ///< among all runs, in their order
    bool cut_short = false; ///< by a signal, or because nothing could be printed any more
    bool in_huge_pages = false;
    std::vector<bench_interval> intervals; ///< a second each
    bench_interval total;
    std::vector<bench_interval> threads; ///< drive by drive
    tick_source clock = tick_source::none; ///< the clock that timed the I/O
    double ns_per_tick = 1;
    counter_scope counters; ///< whether its instructions and cycles are counted

    /// The latencies of all drives together.
    [[nodiscard]] latency_set latencies() const { return sum_of(&bench_drive::latencies); }
    [[nodiscard]] latency_set service_latencies() const
    {
        return sum_of(&bench_drive::service_latencies);
    }
    [[nodiscard]] bool has_several_drives() const noexcept { return drives.size() > 1; }

private:
    [[nodiscard]] latency_set sum_of(latency_set bench_drive::*which) const;
};

[[nodiscard]] inline double ratio(std::uint64_t part, std::uint64_t whole) noexcept
{
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

} // namespace ngpoll::cli
