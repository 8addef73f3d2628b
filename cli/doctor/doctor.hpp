// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll doctor`: what keeps this machine from full speed, and from safety.
subcommand add_doctor(CLI::App& app);

} // namespace ngpoll::cli
