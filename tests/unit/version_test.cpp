// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <ngpoll/version.hpp>

#include "catch.hpp"

TEST_CASE("headers and library have the version that CMake builds")
{
    CHECK(std::string_view(NGPOLL_VERSION) == EXPECTED_VERSION);
    CHECK(ngpoll::version() == EXPECTED_VERSION);
    CHECK(std::string_view(ngpoll_version()) == EXPECTED_VERSION);
}

TEST_CASE("the text of the version is its three numbers")
{
    const std::string numbers = std::to_string(NGPOLL_VERSION_MAJOR) + "."
        + std::to_string(NGPOLL_VERSION_MINOR) + "." + std::to_string(NGPOLL_VERSION_PATCH);
    CHECK(numbers == NGPOLL_VERSION);
}
