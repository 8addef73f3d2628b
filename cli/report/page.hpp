// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "measurement.hpp"

namespace ngpoll::cli {

/// All results as one HTML page. The page contains its style, script and charts, and its content
/// policy forbids it to fetch anything. Every chart is drawn from a table. The page shows the table
/// without scripts and on paper.
///
/// For scripts that read the page: a figure is `<data value="..." data-result="N"
/// data-figure="summary.iops">`, where N counts the columns from 0, and `value` has every digit.
[[nodiscard]] std::string report_page(std::span<const result_document> documents);

} // namespace ngpoll::cli
