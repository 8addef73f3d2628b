// SPDX-License-Identifier: MIT
#include "workload.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "../command_line.hpp"

namespace ngpoll::cli {

namespace {

constexpr access_pattern kPatterns[] = {
    {.word = "read", .random = false, .reads = true, .changes = {}},
    {.word = "randread", .random = true, .reads = true, .changes = {}},
    {.word = "write", .random = false, .reads = false, .changes = operation::write},
    {.word = "randwrite", .random = true, .reads = false, .changes = operation::write},
    {.word = "rw", .random = false, .reads = true, .changes = operation::write},
    {.word = "readwrite", .random = false, .reads = true, .changes = operation::write},
    {.word = "randrw", .random = true, .reads = true, .changes = operation::write},
    {.word = "trim", .random = false, .reads = false, .changes = operation::trim},
    {.word = "randtrim", .random = true, .reads = false, .changes = operation::trim},
    {.word = "write_zeroes", .random = false, .reads = false, .changes = operation::write_zeroes},
};

/// Reads a number above 0 in decimal digits, with a fraction or without; 0: it is no such number.
double positive_number(std::string_view text)
{
    if (text.find_first_not_of("0123456789.") != std::string_view::npos)
        return 0;
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && stopped == end ? value : 0;
}

} // namespace

access_pattern access_pattern::parse(std::string_view option, std::string_view word)
{
    const auto* const found = std::find_if(std::begin(kPatterns), std::end(kPatterns),
        [&](const access_pattern& each) { return each.word == word; });
    if (found == std::end(kPatterns))
        refuse_value(option, word,
            "give read, write, randread, randwrite, rw, randrw, trim, randtrim or write_zeroes");
    return *found;
}

std::string_view access_pattern::noun() const noexcept
{
    if (mixed())
        return "I/Os";
    switch (changes.value_or(operation::read)) {
    case operation::read: return "reads";
    case operation::write: return "writes";
    case operation::trim: return "trims";
    case operation::write_zeroes: return "zeroings";
    }
    return "I/Os";
}

std::string position_law::text() const
{
    return zipf_theta == 0 ? "random" : fmt::format("zipf:{}", zipf_theta);
}

position_law position_law::parse(std::string_view option, std::string_view word)
{
    constexpr std::string_view kZipf = "zipf:";
    constexpr double kThetaMax = 100; // with more, every I/O is at the first position
    if (word == "random" || word == "uniform")
        return {};
    const double theta = word.starts_with(kZipf) ? positive_number(word.substr(kZipf.size())) : 0;
    if (theta <= 0 || theta > kThetaMax)
        refuse_value(option, word,
            "give random, or zipf:THETA with a THETA above 0 and up to 100, for example zipf:1.2");
    return {.zipf_theta = theta};
}

std::uint64_t drive_share::of(std::uint64_t drive_bytes) const noexcept
{
    // In two steps, so that no product overflows.
    return percent ? drive_bytes / 100 * *percent + drive_bytes % 100 * *percent / 100 : bytes;
}

std::string drive_share::text() const
{
    return percent ? fmt::format("{}%", *percent) : fmt::format("{}", bytes);
}

drive_share drive_share::parse(std::string_view option, std::string_view word)
{
    if (!word.ends_with('%'))
        return {.bytes = parse_bytes(option, word), .percent = {}};
    const std::string_view digits = word.substr(0, word.size() - 1);
    std::uint32_t percent = 0;
    const auto [stopped, error]
        = std::from_chars(digits.data(), digits.data() + digits.size(), percent);
    if (error != std::errc{} || stopped != digits.data() + digits.size() || percent > 100
        || (digits.size() > 1 && digits.front() == '0'))
        refuse_value(option, word, "give a whole number of percent up to 100%, or bytes");
    return {.bytes = 0, .percent = percent};
}

} // namespace ngpoll::cli
