// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace ngpoll::cli {

/// Text as it may stand between tags and in a quoted attribute, wherever it comes from: none of it
/// can become a tag, and control characters become U+FFFD.
[[nodiscard]] std::string html_escaped(std::string_view text);

/// A number with every digit that tells it from its neighbours, for scripts: "331608.25".
[[nodiscard]] std::string plain_number(double value);

/// "331,608": whole, in groups of three.
[[nodiscard]] std::string grouped_number(double value);

} // namespace ngpoll::cli
