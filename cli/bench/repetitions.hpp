// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "result.hpp"

namespace ngpoll::cli {

/// The order of the runs: a variant's number for each. A variant is what is repeated: a run by
/// itself, a part of a comparison, a cell of a sweep. They take turns, A B A B, so that a slow
/// minute of the machine meets all of them alike.
[[nodiscard]] std::vector<std::size_t> take_turns(std::size_t variants, std::uint32_t repetitions);

/// The place of the median. Of an even number of values it is the lower one in the middle, and of
/// equal values the first. `values` has at least one.
[[nodiscard]] std::size_t place_of_median(std::span<const double> values);

/// All runs of one variant.
struct repeated_run {
    std::vector<const bench_result*> runs; ///< in their order, at least one
    /// The run that speaks for the variant: the one with the median IOPS. At a --rate, which leaves
    /// IOPS no choice, the one with the median p99.
    const bench_result* median = nullptr;
};

/// The runs in `done` of each variant, in the variants' order. A run that was cut short is left out
/// where its variant has others. The results point into `done`.
[[nodiscard]] std::vector<repeated_run> by_variant(std::span<const bench_result> done);

/// Median, least, most and spread of IOPS and of the latencies; empty of a single run.
[[nodiscard]] std::string spread_text(const repeated_run& of);

} // namespace ngpoll::cli
