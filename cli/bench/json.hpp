// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "environment.hpp"
#include "find.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// The version of what result.schema.json describes. It grows when a field is taken away or changes
/// its meaning; new fields leave it as it is.
inline constexpr int kSchemaVersion = 1;

/// One run's results, or, of several, each one's and how they compare. `finding`: of --find, or
/// null.
[[nodiscard]] std::string json_text(
    const environment& around, std::span<const bench_result> runs, const rate_finding* finding);

} // namespace ngpoll::cli
