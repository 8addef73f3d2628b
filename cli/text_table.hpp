// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace ngpoll::cli {

/// A table. All rows have the same number of cells, and the first row has the headings. Each column
/// is as wide as its widest cell. Two blanks separate the columns; no line ends with a blank.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& rows);

} // namespace ngpoll::cli
