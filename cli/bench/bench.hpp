// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll bench`: random or sequential reads, counted.
subcommand add_bench(CLI::App& app);

} // namespace ngpoll::cli
