// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "rate_search.hpp"
#include "result.hpp"
#include "series.hpp"

namespace ngpoll::cli {

/// Reads "p99=200us". Throws std::invalid_argument with one line.
[[nodiscard]] latency_goal parse_goal(const std::string& word);

/// Whether the run kept the limit, and also its rate if it had one.
[[nodiscard]] bool keeps(const latency_goal& goal, const bench_result& run);

/// The outcome of --find.
struct rate_finding {
    struct step {
        double rate_iops = 0; ///< 0: as fast as possible
        bool kept = false;
    };

    latency_goal goal;
    std::vector<step> steps; ///< one for each run of the series
    rate_search::ending end = rate_search::ending::unfinished; ///< unfinished: cut short
    std::optional<double> rate; ///< the highest rate that keeps the goal
    std::optional<double> broken; ///< the lowest rate that does not keep the goal
    /// The run at `rate`, or the last run if there is no rate.
    std::size_t best = 0;
};

/// Searches, with one run for each step. `planned` is the first run, without a rate. `display` is
/// the display of `series`. Throws the first run's exception if that run cannot start.
[[nodiscard]] rate_finding find_rate(
    bench_series& series, bench_display& display, const bench_result& planned);

/// The goal of --find, in one line; empty: no --find was given.
[[nodiscard]] std::string goal_text(const bench_options& options);
/// The outcome, in one line. `best` is the run at rate_finding::best.
[[nodiscard]] std::string finding_text(const rate_finding& finding, const bench_result& best);

} // namespace ngpoll::cli
