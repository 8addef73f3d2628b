// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll list`: the drives of this machine, and what a user needs to know to use them.
subcommand add_list(CLI::App& app);

} // namespace ngpoll::cli
