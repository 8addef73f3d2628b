// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "result.hpp"

namespace ngpoll::cli {

/// The order of the runs: the number of a variant for each run. A variant is a single run, a part
/// of a comparison, or a cell of a sweep; each one is repeated. The variants take turns, A B A B,
/// so that a slow minute of the machine affects all of them alike.
[[nodiscard]] std::vector<std::size_t> take_turns(std::size_t variants, std::uint32_t repetitions);

/// The index of the median in `values`, which has at least one value. With an even number of values
/// it is the lower one of the two in the middle. Among equal values it is the first.
[[nodiscard]] std::size_t place_of_median(std::span<const double> values);

/// All runs of one variant.
struct repeated_run {
    std::vector<const bench_result*> runs; ///< in their order, at least one
    /// The run that represents the variant: the run with the median IOPS. With --rate, which fixes
    /// the IOPS, it is the run with the median p99.
    const bench_result* median = nullptr;
};

/// The runs in `done`, grouped by variant, in the variants' order. A run that was cut short is left
/// out if its variant has other runs. The results point into `done`.
[[nodiscard]] std::vector<repeated_run> by_variant(std::span<const bench_result> done);

/// Median, least, most and spread of IOPS and of the latencies; empty for a single run.
[[nodiscard]] std::string spread_text(const repeated_run& of);

} // namespace ngpoll::cli
