// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace ngpoll::cli {

/// When and where a result was measured, and by which command.
struct environment {
    std::string date; ///< UTC, as ISO 8601 writes it: 2026-11-28T20:15:00Z
    std::string host;
    std::string kernel; ///< "Linux 6.12.95"
    std::string processor;
    std::string command_line; ///< quoted for a shell
};

/// The environment at this moment.
[[nodiscard]] environment look_around();

/// "Linux 6.12.95"
[[nodiscard]] std::string kernel_text();

} // namespace ngpoll::cli
