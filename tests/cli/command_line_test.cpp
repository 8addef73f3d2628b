// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "../unit/catch.hpp"
#include "first_steps.hpp"

using namespace ngpoll::cli;

namespace {

/// The error text that a parser threw; empty if it accepted the value.
std::string refusal(const std::function<void()>& parse)
{
    try {
        parse();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

std::string count_refusal(const char* text, count_range range = {})
{
    return refusal([&] { static_cast<void>(parse_count("-d", text, range)); });
}

} // namespace

TEST_CASE("a count is decimal digits within its range")
{
    CHECK(parse_count("-d", "1", {}) == 1);
    CHECK(parse_count("-d", "128", {}) == 128);
    CHECK(parse_count("-d", "4294967295", {}) == 4294967295U);
    CHECK(parse_count("-d", "0", {.least = 0}) == 0);
    CHECK(parse_count("-T", "18446744073709551615", {.most = UINT64_MAX}) == UINT64_MAX);

    CHECK(count_refusal("010") == "-d010: give a decimal number, without a 0 before it");
    CHECK(
        count_refusal("00", {.least = 0}) == "-d00: give a decimal number, without a 0 before it");
    CHECK(count_refusal("0") == "-d0: give 1 or more");
    CHECK(count_refusal("1025", {.most = 1024}) == "-d1025: give 1024 or less");
    CHECK(count_refusal("4294967296") == "-d4294967296: give 4294967295 or less");
    CHECK(count_refusal("99999999999999999999999")
        == "-d99999999999999999999999: give 4294967295 or less");
    for (const char* word : {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "many", "1k"}) {
        CAPTURE(word);
        CHECK(count_refusal(word)
            == as_given("-d", word) + ": give a number in decimal digits, 1 or more");
    }
}

TEST_CASE("an error names an option as people write it")
{
    CHECK(as_given("-d", "010") == "-d010");
    CHECK(as_given("--rate", "5x") == "--rate 5x");
    CHECK(as_given("--json", "") == "--json ''");
    CHECK(refusal([] { refuse_value("--role", "sometimes", "give auto"); })
        == "--role sometimes: give auto");
}

TEST_CASE("a size is a number of bytes, or has a suffix for a power of 1024")
{
    struct size {
        const char* text;
        std::uint64_t bytes;
    };
    const size sizes[] = {{"0", 0}, {"512", 512}, {"512b", 512}, {"4k", 4096}, {"4K", 4096},
        {"4kb", 4096}, {"4KiB", 4096}, {"1M", 1U << 20U}, {"3g", 3ULL << 30U},
        {"2TiB", 2ULL << 40U}, {"1p", 1ULL << 50U}, {"18446744073709551615", UINT64_MAX}};
    for (const size& each : sizes) {
        CAPTURE(each.text);
        CHECK(parse_bytes("-b", each.text) == each.bytes);
    }
    for (const char* word : {"", "k", "-1", "04k", "4 k", "4kk", "4ki", "4x", "0x200", "1.5k",
             "18446744073709551616", "16777216t"}) {
        CAPTURE(word);
        CHECK(refusal([&] { static_cast<void>(parse_bytes("-b", word)); })
            == as_given("-b", word)
                + ": give bytes in decimal digits, or with k, m, g or t (powers of 1024), for "
                  "example 4k");
    }
}

TEST_CASE("a time is a decimal number of seconds, or has a unit")
{
    CHECK(parse_seconds("-r", "0") == 0);
    CHECK(parse_seconds("-r", "10") == 10);
    CHECK(parse_seconds("-r", "0.5") == 0.5);
    CHECK(parse_seconds("-r", "30s") == 30);
    CHECK(parse_seconds("-r", "2m") == 120);
    CHECK(parse_seconds("-r", "1h") == 3600);
    CHECK(parse_seconds("-r", "500ms") == 0.5);
    CHECK(parse_seconds("-r", "31536000") == 31536000);
    for (const char* word : {"", "-1", "inf", "nan", "1e3", ".5", "5.", "1.2.3", "5x", "5 s",
             "31536001", "0x10", "99999999999999999999"}) {
        CAPTURE(word);
        CHECK(refusal([&] {
            static_cast<void>(parse_seconds("-r", word));
        }).starts_with(as_given("-r", word) + ": give seconds in decimal digits"));
    }
}

TEST_CASE("a switch is 0 or 1")
{
    CHECK(parse_switch("-p", "1"));
    CHECK_FALSE(parse_switch("-p", "0"));
    for (const char* word : {"", "2", "foo", "true", "01", "-1"}) {
        CAPTURE(word);
        CHECK(refusal([&] { static_cast<void>(parse_switch("-p", word)); })
            == as_given("-p", word) + ": give 0 or 1");
    }
}

TEST_CASE("the first steps name a drive that can be measured here, and all commands")
{
    const command_summary commands[] = {{"bench", "Read"}, {"list", "List drives"}};
    const std::string drives[] = {"/dev/ng0n1"};
    const std::string here = first_steps(commands, drives);
    CHECK(here.find("ngpoll bench /dev/ng0n1 ") != std::string::npos);
    CHECK(here.find("no NVMe drive") == std::string::npos);
    CHECK(here.find("  list ") != std::string::npos);
    const std::string without = first_steps(commands, {});
    CHECK(without.find("  ngpoll bench  ") != std::string::npos);
    CHECK(without.find("no NVMe drive here") != std::string::npos);
}
