// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "measurement.hpp"

namespace ngpoll::cli {

/// Reads a result: what `ngpoll bench`, `doctor` or `survey` writes with --json, or fio with
/// --output-format=json. "-" is standard input. Throws std::system_error where the file cannot be
/// read, and std::invalid_argument where it is none of these; both name the file.
[[nodiscard]] result_document read_result(const std::string& path);

/// The same from text; `name` is the result's in the page and in errors.
[[nodiscard]] result_document parse_result(const std::string& name, std::string_view text);

} // namespace ngpoll::cli
