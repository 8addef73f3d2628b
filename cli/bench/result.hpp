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
#include "tick_clock.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// With less than this share of --rate the drive did not keep up.
inline constexpr double kRateReached = 0.98;

/// What one thread, or all together, finished over some stretch of time.
struct bench_interval {
    double seconds = 0;
    double end_seconds = 0; ///< from the start of the run to the end of this
    ring_stats stats{};
    std::uint64_t batches = 0; ///< that workers of a group took
    std::uint64_t errors = 0;
    std::uint32_t threads = 1;
    double thread_iops_min = 0; ///< of all together: the slowest thread's
    double thread_iops_max = 0;
    // Of all together:
    latency_summary latency{}; ///< of the reads that succeeded; at a rate from when they were due
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
    /// A figure of the whole stretch, for each read that finished.
    [[nodiscard]] double per_io(double figure) const noexcept
    {
        return finished() == 0 ? 0 : figure / static_cast<double>(finished());
    }
    /// Of one processor's time: 2 is two processors all the time.
    [[nodiscard]] double processor_share() const noexcept
    {
        return seconds > 0 ? cost.processor_ns() / (seconds * 1e9) : 0;
    }
    // What sharing a poll queue took, as ring_stats counts it: here, and nowhere else.
    /// Times the poller's role went from one ring to another.
    [[nodiscard]] std::uint64_t hand_overs() const noexcept { return stats.takeovers; }
    /// Times a ring woke another one.
    [[nodiscard]] std::uint64_t wake_ups() const noexcept { return stats.wakes; }

    /// What came between `before` and this, both counted from the start.
    [[nodiscard]] bench_interval since(const bench_interval& before) const noexcept;
};

/// The threads' sum over the stretch of time that they share, with that of resident pollers.
[[nodiscard]] bench_interval together(
    std::span<const bench_interval> threads, const ring_stats& residents) noexcept;

/// The value of an option that a sweep goes over.
struct swept_value {
    std::string key; ///< sweep_axis::key
    std::string text; ///< as it was given
    std::optional<double> number{}; ///< what that comes to, where it is a number
};

/// A drive of a run, and what the run's threads on it did. Each thread is on one drive.
struct bench_drive {
    namespace_info device;
    drive_place place;
    bench_geometry geometry;
    placement layout; ///< of its threads and poll queues, which it numbers from 0
    std::uint32_t first_thread = 0; ///< its own are that one of the run, and those after it
    std::uint32_t first_queue = 0; ///< of the poll queues likewise
    std::vector<poll_queue_report> queues;
    role_policy role = role_policy::waiter; ///< who polls them; of no account unless shared
    bench_interval total; ///< of its threads together; without cost, which is the process's
    latency_set latencies; ///< of the total, in ticks
    latency_set service_latencies; ///< at a rate, from submit() on
    std::vector<error_count> errors;
    bench_worker::first_reads first; ///< all its threads'; none where the drive is emulated

    [[nodiscard]] std::uint32_t threads() const noexcept
    {
        return static_cast<std::uint32_t>(layout.seats.size());
    }
};

/// Everything a finished run, or one part of a comparison, has to say.
struct bench_result {
    std::vector<bench_drive> drives; ///< at least one
    bench_options options;
    std::string choice; ///< the word that chose its poll queues
    std::vector<swept_value> values; ///< what sets it apart from the other cells of a sweep
    std::size_t variant = 0; ///< which part of a comparison, or cell of a sweep, it is a run of
    std::size_t number = 1; ///< among all runs, in their order
    bool cut_short = false; ///< by a signal, or because nothing could be printed any more
    bool in_huge_pages = false;
    std::vector<bench_interval> intervals; ///< a second each
    bench_interval total;
    std::vector<bench_interval> threads; ///< drive by drive
    tick_source clock = tick_source::none; ///< that timed the I/O
    double ns_per_tick = 1;
    counter_scope counters; ///< what of its cost is counted

    /// All drives' together.
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
