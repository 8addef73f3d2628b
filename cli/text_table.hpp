// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace ngpoll::cli {

/// Rows of as many cells each, the first one the headings. Columns are as wide as their widest
/// cell, two blanks apart; no line ends with a blank.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& rows);

} // namespace ngpoll::cli
