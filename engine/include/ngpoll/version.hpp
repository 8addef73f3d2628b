// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <ngpoll/version.h> // IWYU pragma: export: the macros

namespace ngpoll {

/// The version of the library that the program runs with, "0.2.0". NGPOLL_VERSION is the version of
/// the headers that the program was compiled with. Any thread.
[[nodiscard]] std::string_view version() noexcept;

} // namespace ngpoll
