// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "latency_histogram.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// A heading, and a line for each second of each part. A field that was not measured is empty.
[[nodiscard]] std::string csv_text(std::span<const bench_result> parts);

/// The distribution in the text form of HdrHistogram's percentile files, which its plotters read.
/// Values are in microseconds.
[[nodiscard]] std::string hgrm_text(const latency_histogram& of, double ns_per_tick);

} // namespace ngpoll::cli
