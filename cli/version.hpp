// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace ngpoll::cli {

/// "ngpoll 0.1.0", and a line for each thing that it was built with: what a report of a fault
/// needs.
[[nodiscard]] std::string version_text();

} // namespace ngpoll::cli
