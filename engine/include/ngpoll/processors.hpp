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

/// The first processor's model as /proc/cpuinfo names it, or the machine's architecture where it
/// has no name. `root` is where /proc and /sys hang, for tests.
[[nodiscard]] std::string processor_name(const std::string& root = "/");

/// Whether the processors' time stamp counters run at one rate and are equal on all of them. They
/// are where the kernel keeps its time by them, or could and has the processor's word for it: then
/// a hypervisor's clock may be in use instead. False where there are none.
[[nodiscard]] bool time_stamp_counter_is_steady(const std::string& root = "/");

} // namespace ngpoll
