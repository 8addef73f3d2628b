// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll bench`: measures drives.
subcommand add_bench(CLI::App& app);

} // namespace ngpoll::cli
