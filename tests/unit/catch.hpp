// SPDX-License-Identifier: MIT
#pragma once

// Debian 13 has Catch2 3, Debian 12 has 2.13. The tests use only macros that both versions have:
// TEST_CASE, SECTION, CHECK, REQUIRE, INFO, UNSCOPED_INFO, CAPTURE, FAIL and GENERATE.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

#include <ngpoll/status.hpp>

/// A failed comparison prints a status in words.
template <>
struct Catch::StringMaker<ngpoll::status> {
    static std::string convert(const ngpoll::status& shown) { return shown.text(); }
};
