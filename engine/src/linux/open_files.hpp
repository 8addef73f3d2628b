// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ngpoll {

/// A block device that a process has open.
struct open_file {
    std::string device; ///< nvme0n1p1
    std::uint32_t process = 0;
    std::uint32_t descriptor = 0;
    std::uint32_t flags = 0; ///< of open(2)
    std::string program; ///< the first 15 characters of its name

    [[nodiscard]] bool is_for_writing() const noexcept;
};

/// The files that processes have open on `devices`, as far as this user may see them. `root` is the
/// folder that holds /proc.
[[nodiscard]] std::vector<open_file> files_open_on(
    std::span<const std::string> devices, const std::string& root = "/");

/// The process that started `process`; 0 where /proc does not say.
[[nodiscard]] std::uint32_t parent_of(std::uint32_t process, const std::string& root = "/");

} // namespace ngpoll
