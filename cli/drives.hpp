// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace ngpoll::cli {

/// The NVMe passthrough devices of this machine, /dev/ngXnY, in order.
[[nodiscard]] std::vector<std::string> drives_here(const std::string& root = "/");

} // namespace ngpoll::cli
