// SPDX-License-Identifier: MIT
#pragma once

#include "../subcommand.hpp"

namespace ngpoll::cli {

/// `ngpoll verify`: writes blocks that say what they are, and reads them back.
[[nodiscard]] subcommand add_verify(CLI::App& app);

} // namespace ngpoll::cli
