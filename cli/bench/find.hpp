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

/// "p99=200us". Throws std::invalid_argument with one line.
[[nodiscard]] latency_goal parse_goal(const std::string& word);

/// Whether the run kept the limit, and the rate too, if it had one.
[[nodiscard]] bool keeps(const latency_goal& goal, const bench_result& run);

/// The outcome of --find.
struct rate_finding {
    struct step {
        double rate_iops = 0; ///< 0: as fast as it goes
        bool kept = false;
    };

    latency_goal goal;
    std::vector<step> steps; ///< one for each run of the series
    rate_search::ending end = rate_search::ending::unfinished; ///< that: it was cut short
    std::optional<double> rate; ///< the highest that keeps the goal
    std::optional<double> broken; ///< the lowest that does not
    /// The run at `rate`; without a rate, the last one.
    std::size_t best = 0;
};

/// Searches, with a run for each step; `planned` is as fast as it goes. `display` is the series'.
/// Throws why the first run could not be made.
[[nodiscard]] rate_finding find_rate(
    bench_series& series, bench_display& display, const bench_result& planned);

/// The goal of --find, in one line; empty: there is none.
[[nodiscard]] std::string goal_text(const bench_options& options);
/// The outcome, in one line. `best` is the run that speaks for it.
[[nodiscard]] std::string finding_text(const rate_finding& finding, const bench_result& best);

} // namespace ngpoll::cli
