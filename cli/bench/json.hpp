// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "result.hpp"

namespace ngpoll::cli {

/// One run's results, or, of several, each one's and how they compare.
[[nodiscard]] std::string json_text(std::span<const bench_result> parts);

} // namespace ngpoll::cli
