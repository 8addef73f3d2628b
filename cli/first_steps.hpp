// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "option_list.hpp"

namespace ngpoll::cli {

/// What `ngpoll` prints when it is given no command: what one can do next.
[[nodiscard]] std::string first_steps(
    std::span<const command_summary> commands, std::span<const std::string> drives);

} // namespace ngpoll::cli
