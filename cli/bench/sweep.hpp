// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "options.hpp"
#include "result.hpp"

namespace ngpoll::cli {

inline constexpr std::size_t kRunsMax = 1000; ///< of a sweep, with their repetitions

/// Reads "d=1,8,32", but does not check the values. Throws std::invalid_argument with one line.
[[nodiscard]] sweep_axis parse_sweep(const std::string& word);

/// A run of a sweep: the options with one value of each axis.
struct sweep_cell {
    bench_options options;
    std::vector<swept_value> values; ///< in the axes' order
};

/// How many combinations the axes' values have: at most kRunsMax + 1.
[[nodiscard]] std::size_t cell_count(const std::vector<sweep_axis>& axes);

/// A cell for every combination of the axes' values; the last axis changes with each cell. The
/// option itself reads its values, so a value means the same here as on the command line. Without
/// an axis there is one cell. Throws std::invalid_argument with one line.
[[nodiscard]] std::vector<sweep_cell> cells_of(const bench_options& options);

/// "-d8 -b4096".
[[nodiscard]] std::string values_text(const std::vector<swept_value>& values);

} // namespace ngpoll::cli
