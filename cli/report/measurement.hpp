// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ngpoll::cli {

enum class figure_unit { count, bytes_per_second, nanoseconds };
/// Which way a difference is good.
enum class figure_better { higher, lower, neither };

/// A figure that results are compared by. `path` is its place in `bench --json`; results of fio
/// are read into the same places.
struct figure_kind {
    const char* path;
    const char* title;
    figure_unit unit;
    figure_better better;
    bool in_sweeps = false; ///< has a matrix of its own
};

inline constexpr figure_kind kFigures[] = {
    {"summary.iops", "IOPS", figure_unit::count, figure_better::higher, true},
    {"summary.bytes_per_second", "Bandwidth", figure_unit::bytes_per_second, figure_better::higher},
    {"summary.latency_ns.mean", "Latency, mean", figure_unit::nanoseconds, figure_better::lower},
    {"summary.latency_ns.p50", "Latency, p50", figure_unit::nanoseconds, figure_better::lower},
    {"summary.latency_ns.p99", "Latency, p99", figure_unit::nanoseconds, figure_better::lower,
        true},
    {"summary.latency_ns.p99_9", "Latency, p99.9", figure_unit::nanoseconds, figure_better::lower},
    {"summary.latency_ns.p99_99", "Latency, p99.99", figure_unit::nanoseconds,
        figure_better::lower},
    {"summary.latency_ns.max", "Latency, longest", figure_unit::nanoseconds,
        figure_better::neither},
    {"summary.service_latency_ns.p99", "Latency from submission, p99", figure_unit::nanoseconds,
        figure_better::lower},
    {"summary.cpu_ns_per_io", "Processor time per I/O", figure_unit::nanoseconds,
        figure_better::lower, true},
    {"summary.instructions_per_io", "Instructions per I/O", figure_unit::count,
        figure_better::lower},
    {"summary.cycles_per_io", "Cycles per I/O", figure_unit::count, figure_better::lower},
    {"summary.errors", "Errors", figure_unit::count, figure_better::lower},
};
constexpr std::size_t kFigureCount = std::size(kFigures);

/// One figure of one run. Of a repeated run `value` is what its summary says, and `repetitions` has
/// each one's.
struct figure {
    std::optional<double> value;
    std::vector<double> repetitions;
};

/// A stretch of a run, mostly a second.
struct measured_interval {
    double until_s = 0; ///< from the start of the run
    double seconds = 0;
    std::optional<double> iops;
    std::optional<double> p50_ns;
    std::optional<double> p99_ns;
};

/// `percent` of all I/Os took at most `ns`.
struct percentile_point {
    double percent = 0;
    double ns = 0;
};

/// What the page shows as one column.
struct measured_run {
    std::string label; ///< the file's name, and the part's where it has several
    std::string latency_name; ///< what its latencies run from and to, where that is not ngpoll's
    std::array<figure, kFigureCount> figures;
    std::vector<measured_interval> intervals;
    std::vector<percentile_point> percentiles; ///< rising
    /// Of a cell of a sweep: its option's letters and their values. Such runs are no columns.
    std::vector<std::pair<std::string, std::string>> coordinates;
};

/// One line of `ngpoll doctor`.
struct doctor_finding {
    std::string name, state, found, why, fix;
};

/// A sentence of the README that `ngpoll survey` tried.
struct tried_claim {
    std::string text, verdict, found;
};

/// What one file holds.
struct result_document {
    std::string name; ///< the file's, without folder and ".json"
    std::string program; ///< "ngpoll 0.1.0", "fio-3.33"
    bool emulated = false;
    /// The repetitions of its runs took turns, so that a slow minute of the machine met all alike.
    bool interleaved = false;
    std::vector<measured_run> runs;
    std::vector<doctor_finding> findings;
    std::vector<tried_claim> claims;
    std::vector<std::pair<std::string, std::string>> environment; ///< name and value, in order
};

} // namespace ngpoll::cli
