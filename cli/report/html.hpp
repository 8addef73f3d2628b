// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace ngpoll::cli {

/// Escapes any text for use between tags and in a quoted attribute. No part of it can become a tag,
/// and control characters become U+FFFD.
[[nodiscard]] std::string html_escaped(std::string_view text);

/// A number for scripts, with all digits that are needed to read back the same value: "331608.25".
[[nodiscard]] std::string plain_number(double value);

/// A whole number, its digits in groups of three: "331,608".
[[nodiscard]] std::string grouped_number(double value);

} // namespace ngpoll::cli
