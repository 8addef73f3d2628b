// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// The first value in a file of sysfs or debugfs. Nothing where the file cannot be read or holds no
/// Value.
template <class Value>
[[nodiscard]] std::optional<Value> read_value(const std::string& path)
{
    Value value{};
    std::ifstream file(path);
    if (file >> value)
        return value;
    return std::nullopt;
}

/// The first line of a file, without the blanks around it; empty where the file cannot be read. A
/// blank in the middle, as in a drive's model, stays.
[[nodiscard]] std::string read_line(const std::string& path);

/// The number that `text` as a whole is; nothing for any other text.
[[nodiscard]] std::optional<std::uint32_t> number_in(std::string_view text);

/// The names in a folder; none where the folder cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);

/// The numbers N of the entries of `folder` whose name is `prefix` and N, ascending.
[[nodiscard]] std::vector<std::uint32_t> numbered_in(
    const std::string& folder, std::string_view prefix);

/// Reads "0-3,8" as 0, 1, 2, 3, 8: the reverse of ranges_text(). Stops where no number follows.
[[nodiscard]] std::vector<std::uint32_t> numbers_of_ranges(std::string_view text);

/// The block device of the passthrough device at `path`: nvme0n1 for /dev/ng0n1. The device counts,
/// not its name: a symbolic link will do. Empty where the device has none, or sysfs does not say.
/// `root` is the folder that holds /sys, for tests.
[[nodiscard]] std::string block_name(std::string_view path, const std::string& root = "/");

/// The block devices to which `block`, nvme0n1, sends its commands. A multipath node has no queues:
/// it sends commands to its paths, nvme0c0n1 and so on. Any other device sends them to itself.
[[nodiscard]] std::vector<std::string> paths_of(
    const std::string& block, const std::string& root = "/");

/// Limits of all that a namespace's commands go through.
struct drive_limits {
    /// The controller whose tags the paths share, nvme0; of a multipath node the subsystem,
    /// nvme-subsys0.
    std::string controller;
    std::string transport; ///< pcie, or the first other transport: tcp, rdma ...; empty: unknown
    /// Commands that one hardware queue holds: its tags, or less where an I/O scheduler or a user
    /// set nr_requests lower. The smallest number of all paths; 0: unknown.
    std::uint32_t tags = 0;
    std::string scheduler; ///< the I/O scheduler of a path; empty: no path has one
};

[[nodiscard]] drive_limits read_drive_limits(
    const std::string& block, const std::string& root = "/");

} // namespace ngpoll
