// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll report`: results as one HTML page.
subcommand add_report(CLI::App& app);

} // namespace ngpoll::cli
