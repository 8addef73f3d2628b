// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ngpoll {

/// The processors on which the calling thread may run, ascending. Throws std::system_error.
[[nodiscard]] std::vector<std::uint32_t> allowed_processors();

/// Restricts the calling thread to `cpus`. Throws std::system_error.
void pin_this_thread(std::span<const std::uint32_t> cpus);

/// Writes ascending numbers as the kernel writes lists of processors: "0-3,8".
[[nodiscard]] std::string ranges_text(std::span<const std::uint32_t> numbers);

/// The first processor's model as /proc/cpuinfo names it, or the machine's architecture where the
/// model has no name. `root` is the folder that holds /proc and /sys, for tests.
[[nodiscard]] std::string processor_name(const std::string& root = "/");

/// Whether the processors' time stamp counters run at one rate and are equal on all of them. This
/// is true where the kernel keeps its time by them. It is also true where the kernel could, and the
/// processor promises a steady counter: a hypervisor's clock may be in use instead. False where
/// there are no counters.
[[nodiscard]] bool time_stamp_counter_is_steady(const std::string& root = "/");

} // namespace ngpoll
