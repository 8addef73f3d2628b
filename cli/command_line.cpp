// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

constexpr std::string_view kDigits = "0123456789";

bool has_leading_zero(std::string_view digits)
{
    return digits.size() > 1 && digits.front() == '0';
}

/// Reads the number at the start of `text`, and removes it from `text`.
std::optional<std::uint64_t> take_number(std::string_view& text)
{
    const std::string_view digits
        = text.substr(0, std::min(text.find_first_not_of(kDigits), text.size()));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || has_leading_zero(digits) || error != std::errc{})
        return std::nullopt;
    text.remove_prefix(digits.size());
    return value;
}

std::string lower_case(std::string_view text)
{
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
        [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

/// The power of 1024 that a suffix of a size stands for.
std::optional<unsigned> power_of(std::string_view suffix)
{
    constexpr std::string_view kLetters = "kmgtp";
    const std::string lower = lower_case(suffix);
    if (lower.empty() || lower == "b")
        return 0;
    const std::size_t letter = kLetters.find(lower.front());
    const std::string_view rest = std::string_view(lower).substr(1);
    if (letter == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib"))
        return std::nullopt;
    return static_cast<unsigned>(letter + 1);
}

/// Seconds in a unit of time.
std::optional<double> seconds_in(std::string_view unit)
{
    struct named {
        std::string_view name;
        double seconds;
    };
    constexpr named kUnits[]
        = {{"", 1}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    for (const named& each : kUnits)
        if (each.name == unit)
            return each.seconds;
    return std::nullopt;
}

} // namespace

std::string as_given(std::string_view option, std::string_view value)
{
    if (value.empty())
        return fmt::format("{} ''", option);
    const bool is_long = option.starts_with("--");
    return fmt::format("{}{}{}", option, is_long ? " " : "", value);
}

void refuse_value(std::string_view option, std::string_view value, std::string_view advice)
{
    throw std::invalid_argument(fmt::format("{}: {}", as_given(option, value), advice));
}

std::uint64_t parse_count(std::string_view option, std::string_view text, count_range range)
{
    std::string_view rest = text;
    const bool only_digits = text.find_first_not_of(kDigits) == std::string_view::npos;
    if (only_digits && has_leading_zero(text))
        refuse_value(option, text, "give a decimal number, without a 0 before it");
    const std::optional<std::uint64_t> value = take_number(rest);
    if (only_digits && !text.empty() && (!value || *value > range.most))
        refuse_value(option, text, fmt::format("give {} or less", range.most));
    if (!value || !rest.empty())
        refuse_value(
            option, text, fmt::format("give a number in decimal digits, {} or more", range.least));
    if (*value < range.least)
        refuse_value(option, text, fmt::format("give {} or more", range.least));
    return *value;
}

std::uint64_t parse_bytes(std::string_view option, std::string_view text)
{
    std::string_view suffix = text;
    const std::optional<std::uint64_t> number = take_number(suffix);
    const std::optional<unsigned> power = power_of(suffix);
    if (!number || !power || *number > UINT64_MAX >> (10 * *power))
        refuse_value(option, text,
            "give bytes in decimal digits, or with k, m, g or t (powers of 1024), for example 4k");
    return *number << (10 * *power);
}

double parse_seconds(std::string_view option, std::string_view text)
{
    constexpr double kYear = 365.0 * 24 * 3600;
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view digits = text.substr(0, end);
    const std::optional<double> unit = seconds_in(text.substr(end));
    const bool is_number = !digits.empty() && digits.front() != '.' && digits.back() != '.'
        && std::count(digits.begin(), digits.end(), '.') <= 1;
    double value = 0;
    if (is_number)
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (!is_number || !unit || value * *unit > kYear)
        refuse_value(option, text,
            "give seconds in decimal digits, or with us, ms, s, m or h, for example 10 or 0.5 or "
            "2m, up to a year");
    return value * *unit;
}

bool parse_switch(std::string_view option, std::string_view text)
{
    if (text != "0" && text != "1")
        refuse_value(option, text, "give 0 or 1");
    return text == "1";
}

} // namespace ngpoll::cli
