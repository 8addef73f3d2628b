// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll survey`: all measurements that say what a drive does, one after the other, and one file.
[[nodiscard]] subcommand add_survey(CLI::App& app);

} // namespace ngpoll::cli
