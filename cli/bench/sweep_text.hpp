// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "options.hpp"
#include "repetitions.hpp"

namespace ngpoll::cli {

/// The axes of --sweep, in one line; empty: there are none.
[[nodiscard]] std::string axes_text(const bench_options& options);
/// For one axis, a table with the figures of each value. For more axes, a matrix for each figure;
/// its rows are the values of the first axis. A cell that has not run is "-".
[[nodiscard]] std::string sweep_text(
    const bench_options& options, std::span<const repeated_run> cells);

} // namespace ngpoll::cli
