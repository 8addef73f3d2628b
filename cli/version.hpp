// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace ngpoll::cli {

/// "ngpoll" and its version, then a line for each tool and library of the build. Reports of faults
/// need these lines.
[[nodiscard]] std::string version_text();

} // namespace ngpoll::cli
