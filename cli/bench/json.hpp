// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "environment.hpp"
#include "find.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// The version of the format in result.schema.json. It grows when a field is removed or changes its
/// meaning, but not when a field is added.
inline constexpr int kSchemaVersion = 1;

/// The results of one run. For several runs: the results of each run, and their comparison.
/// `finding` is the outcome of --find, or null.
[[nodiscard]] std::string json_text(
    const environment& around, std::span<const bench_result> runs, const rate_finding* finding);

} // namespace ngpoll::cli
