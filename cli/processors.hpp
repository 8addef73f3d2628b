// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ngpoll::cli {

/// The processors the calling thread may run on, ascending. Throws std::system_error.
[[nodiscard]] std::vector<std::uint32_t> allowed_processors();

/// Keeps the calling thread to `cpus`. Throws std::system_error.
void pin_this_thread(std::span<const std::uint32_t> cpus);

/// "0-3,8" for ascending numbers.
[[nodiscard]] std::string ranges_text(std::span<const std::uint32_t> numbers);

} // namespace ngpoll::cli
