// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "measurement.hpp"

namespace ngpoll::cli {

/// Reads a result file: one of `ngpoll bench`, `doctor` or `survey` (--json), or one of fio
/// (--output-format=json). "-" is standard input. Throws std::system_error if the file cannot be
/// read, and std::invalid_argument if it is none of these. Both errors name the file.
[[nodiscard]] result_document read_result(const std::string& path);

/// Reads the text of a result file. The page calls the result `name`. Throws std::invalid_argument
/// if the text is no result.
[[nodiscard]] result_document parse_result(const std::string& name, std::string_view text);

} // namespace ngpoll::cli
