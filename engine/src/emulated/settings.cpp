// SPDX-License-Identifier: MIT
#include "settings.hpp"

#include <bit>
#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "../error.hpp"

namespace ngpoll::emulated {

namespace {

constexpr std::string_view kExample = "emu:size=1G,lba=512,queues=8,latency=10us";

struct unit {
    std::string_view suffix;
    std::uint64_t factor;
};

constexpr unit kBytes[]
    = {{"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}};
constexpr unit kNanoseconds[] = {{"", 1}, {"ns", 1}, {"us", 1000}, {"ms", 1000000}};
constexpr unit kPlain[] = {{"", 1}};

/// Parses a number with one of `units`. Returns nothing for any other text, and for a number that
/// does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text, std::span<const unit> units)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{})
        return std::nullopt;
    const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const unit& u : units)
        if (u.suffix == suffix && value <= UINT64_MAX / u.factor)
            return value * u.factor;
    return std::nullopt;
}

[[noreturn]] void fail_setting(std::string_view setting, std::string_view wanted)
{
    detail::refuse(fmt::format(
        "emulated drive: '{}' is not understood; {} (for example {})", setting, wanted, kExample));
}

std::uint64_t number_or_fail(std::string_view setting, std::string_view value,
    std::span<const unit> units, std::string_view wanted)
{
    const auto number = parse_number(value, units);
    if (!number)
        fail_setting(setting, wanted);
    return *number;
}

void parse_unreadable(settings& into, std::string_view setting, std::string_view value)
{
    constexpr std::string_view kWanted = "unreadable= takes FIRST-LAST, two LBAs";
    const std::size_t dash = value.find('-');
    if (dash == std::string_view::npos)
        fail_setting(setting, kWanted);
    into.unreadable_first = number_or_fail(setting, value.substr(0, dash), kPlain, kWanted);
    into.unreadable_last = number_or_fail(setting, value.substr(dash + 1), kPlain, kWanted);
    if (into.unreadable_first > into.unreadable_last)
        fail_setting(setting, "the first LBA must not be above the last");
}

void parse_latency(settings& into, std::string_view setting, std::string_view value)
{
    constexpr std::string_view kWanted
        = "latency= takes nanoseconds, or a number with us or ms, up "
          "to 10000ms, or LEAST-MOST for anything between";
    const std::size_t dash = value.find('-');
    into.latency_ns = number_or_fail(setting, value.substr(0, dash), kNanoseconds, kWanted);
    into.latency_ns_max = dash == std::string_view::npos
        ? into.latency_ns
        : number_or_fail(setting, value.substr(dash + 1), kNanoseconds, kWanted);
    if (into.latency_ns_max > 10'000'000'000U || into.latency_ns > into.latency_ns_max)
        fail_setting(setting, kWanted);
}

void parse_setting(settings& into, std::string_view setting)
{
    constexpr std::string_view kLba = "lba= takes a power of two from 512 to 65536";
    constexpr std::string_view kQueues = "queues= takes 1 to 1024";
    constexpr std::string_view kKeys
        = "the settings are size=, lba=, queues=, latency= and unreadable=";
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos)
        fail_setting(setting, kKeys);
    const std::string_view key = setting.substr(0, equals);
    const std::string_view value = setting.substr(equals + 1);
    if (key == "size") {
        into.size_bytes = number_or_fail(
            setting, value, kBytes, "size= takes bytes, or a number with K, M, G or T");
    } else if (key == "lba") {
        const std::uint64_t lba = number_or_fail(setting, value, kPlain, kLba);
        if (lba < 512 || lba > 65536 || !std::has_single_bit(lba))
            fail_setting(setting, kLba);
        into.lba_bytes = static_cast<std::uint32_t>(lba);
    } else if (key == "queues") {
        const std::uint64_t queues = number_or_fail(setting, value, kPlain, kQueues);
        if (queues < 1 || queues > 1024)
            fail_setting(setting, kQueues);
        into.queues = static_cast<std::uint32_t>(queues);
    } else if (key == "latency") {
        parse_latency(into, setting, value);
    } else if (key == "unreadable") {
        parse_unreadable(into, setting, value);
    } else {
        fail_setting(setting, kKeys);
    }
}

} // namespace

settings parse_settings(std::string_view path)
{
    constexpr std::uint64_t kSizeMax = std::uint64_t{64} << 40;
    settings parsed;
    std::string_view rest = path.substr(path.find(':') + 1);
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        parse_setting(parsed, rest.substr(0, comma));
        if (comma == std::string_view::npos)
            break;
        rest.remove_prefix(comma + 1);
        if (rest.empty())
            fail_setting(path, "a setting must follow the last comma");
    }
    if (parsed.size_bytes < parsed.lba_bytes || parsed.size_bytes % parsed.lba_bytes != 0
        || parsed.size_bytes > kSizeMax)
        fail_setting(path, "size= must be a multiple of lba=, not 0 and not above 64T");
    return parsed;
}

} // namespace ngpoll::emulated
