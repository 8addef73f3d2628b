// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace ngpoll::cli {

// All subcommands read their values with these strict functions. A value that they do not
// understand is refused, so that a typing error never measures something else. Each function throws
// std::invalid_argument with one line that has the option, the value and what to give instead.

/// An option with its value, as people write them: "-d010", "--rate 5x".
[[nodiscard]] std::string as_given(std::string_view option, std::string_view value);

/// Throws: "-d010: `advice`".
[[noreturn]] void refuse_value(
    std::string_view option, std::string_view value, std::string_view advice);

/// The range of a count; both ends are allowed.
struct count_range {
    std::uint64_t least = 1;
    std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
};

/// Decimal digits and nothing else. A leading 0 is refused: elsewhere it means octal.
[[nodiscard]] std::uint64_t parse_count(
    std::string_view option, std::string_view text, count_range range);

/// A number of bytes: digits, and k, m, g or t in either case, also written KiB or kb. The letters
/// are powers of 1024, as with fio.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view option, std::string_view text);

/// Seconds: "10", "0.5", or with a unit: us, ms, s, m or h. At most a year.
[[nodiscard]] double parse_seconds(std::string_view option, std::string_view text);

/// "0" or "1".
[[nodiscard]] bool parse_switch(std::string_view option, std::string_view text);

} // namespace ngpoll::cli
