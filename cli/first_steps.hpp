// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "option_list.hpp"

namespace ngpoll::cli {

/// The text that `ngpoll` prints without a subcommand: what the user can do next.
[[nodiscard]] std::string first_steps(
    std::span<const command_summary> commands, std::span<const std::string> drives);

} // namespace ngpoll::cli
