// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace ngpoll::cli {

/// "512 B", "1 GiB", "931.5 GiB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

} // namespace ngpoll::cli
