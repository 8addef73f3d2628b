// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll survey`: measures what a drive can do, step by step, and writes all results to one file.
[[nodiscard]] subcommand add_survey(CLI::App& app);

} // namespace ngpoll::cli
