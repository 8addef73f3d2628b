// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace ngpoll::cli {

/// Where and when a result was made, and by what.
struct environment {
    std::string date; ///< UTC, as ISO 8601 writes it: 2026-11-28T20:15:00Z
    std::string host;
    std::string kernel; ///< "Linux 6.12.95"
    std::string processor;
    std::string command_line; ///< a shell takes it
};

/// Of now and here.
[[nodiscard]] environment look_around();

/// "Linux 6.12.95"
[[nodiscard]] std::string kernel_text();

} // namespace ngpoll::cli
