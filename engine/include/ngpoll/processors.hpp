// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ngpoll {

/// The processors that the calling thread may run on, ascending. Throws std::system_error.
[[nodiscard]] std::vector<std::uint32_t> allowed_processors();

/// Keeps the calling thread to `cpus`. Throws std::system_error.
void pin_this_thread(std::span<const std::uint32_t> cpus);

/// Ascending numbers as the kernel writes lists of processors: "0-3,8".
[[nodiscard]] std::string ranges_text(std::span<const std::uint32_t> numbers);

} // namespace ngpoll
