// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll doctor`: finds what makes this machine slow or unsafe.
subcommand add_doctor(CLI::App& app);

} // namespace ngpoll::cli
