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
/// Whether a higher or a lower value is better.
enum class figure_better { higher, lower, neither };

/// A figure by which results are compared. `path` is its place in `bench --json`; results of fio
/// are read into the same places.
struct figure_kind {
    const char* path;
    const char* title;
    figure_unit unit;
    figure_better better;
    bool in_sweeps = false; ///< a sweep shows it as a matrix
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

/// One figure of one run. For a repeated run `value` is the summary's, and `repetitions` has the
/// value of each repetition.
struct figure {
    std::optional<double> value;
    std::vector<double> repetitions;
};

/// A part of a run, usually one second.
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

/// A run. The page shows it as one column.
struct measured_run {
    std::string label; ///< the file's name; if the file has several parts, also the part's
    std::string latency_name; ///< how its latency is measured; empty: as ngpoll measures it
    std::array<figure, kFigureCount> figures;
    std::vector<measured_interval> intervals;
    std::vector<percentile_point> percentiles; ///< in rising order
    /// For a cell of a sweep: the letters of its options and their values. A cell is not a column.
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

/// The content of one result file.
struct result_document {
    std::string name; ///< the file's name without folder and ".json"
    std::string program; ///< "ngpoll 0.1.0", "fio-3.33"
    bool emulated = false;
    /// The repetitions of its runs took turns, so a slow minute of the machine affects all alike.
    bool interleaved = false;
    std::vector<measured_run> runs;
    std::vector<doctor_finding> findings;
    std::vector<tried_claim> claims;
    std::vector<std::pair<std::string, std::string>> environment; ///< name and value, in order
};

} // namespace ngpoll::cli
