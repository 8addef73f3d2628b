// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measurement.hpp"

namespace ngpoll::cli {

/// A run that is a column of the page, and its file.
struct page_run {
    const measured_run* run;
    const result_document* document;
    std::size_t column; ///< from 0
};

/// A number as people read it: "331,608", "35.5 µs", "162 MiB/s".
[[nodiscard]] std::string figure_text(double value, figure_unit unit);

/// A `<data>` element with the number in full, for scripts. `attributes` is copied as it is, so
/// escape what comes from a file.
[[nodiscard]] std::string data_html(
    double value, std::string_view text, std::string_view attributes = "");

// Each section is HTML. It is empty if no result has anything that it shows.
/// All figures, a column for each run, and how each differs from the first column.
[[nodiscard]] std::string figures_section(std::span<const page_run> runs);
/// IOPS and latency from second to second.
[[nodiscard]] std::string time_section(std::span<const page_run> runs);
/// The distribution of the latency, on an axis of percentiles.
[[nodiscard]] std::string percentile_section(std::span<const page_run> runs);
/// All runs side by side: IOPS, and processor time per I/O.
[[nodiscard]] std::string bars_section(std::span<const page_run> runs);
/// Each sweep as a matrix.
[[nodiscard]] std::string sweep_section(std::span<const result_document> documents);
/// The README's claims, and whether they hold.
[[nodiscard]] std::string claims_section(std::span<const result_document> documents);
[[nodiscard]] std::string findings_section(std::span<const result_document> documents);
[[nodiscard]] std::string environment_section(std::span<const result_document> documents);

} // namespace ngpoll::cli
