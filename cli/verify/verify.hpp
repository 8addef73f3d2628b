// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll verify`: writes blocks with stamps, and checks that they read back.
[[nodiscard]] subcommand add_verify(CLI::App& app);

} // namespace ngpoll::cli
