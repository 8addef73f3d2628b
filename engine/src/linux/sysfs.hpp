// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// The first value in a file of sysfs or debugfs; nothing where it cannot be read or is no Value.
template <class Value>
[[nodiscard]] std::optional<Value> read_value(const std::string& path)
{
    Value value{};
    std::ifstream file(path);
    if (file >> value)
        return value;
    return std::nullopt;
}

/// The first line of a file, without the blanks around it; empty where it cannot be read. A blank
/// in the middle, as in a drive's model, stays.
[[nodiscard]] std::string read_line(const std::string& path);

/// All of `text` as a number.
[[nodiscard]] std::optional<std::uint32_t> number_in(std::string_view text);

/// The names in a folder; none where it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);

/// The numbers of the entries of `folder` that are called `prefix` and a number, ascending.
[[nodiscard]] std::vector<std::uint32_t> numbered_in(
    const std::string& folder, std::string_view prefix);

/// "0-3,8" as 0, 1, 2, 3, 8: the reverse of ranges_text(). Ends at what is no number.
[[nodiscard]] std::vector<std::uint32_t> numbers_of_ranges(std::string_view text);

/// The block device beside the passthrough device at `path`: nvme0n1 for /dev/ng0n1. What device it
/// is counts, not what `path` calls it: a symbolic link will do. Empty where it is none, or sysfs
/// does not say. `root` is where /sys hangs, for tests.
[[nodiscard]] std::string block_name(std::string_view path, const std::string& root = "/");

/// The block devices that `block`, nvme0n1, sends its commands to: itself or, where it is a
/// multipath node, which has no queues, its paths, nvme0c0n1 and so on.
[[nodiscard]] std::vector<std::string> paths_of(
    const std::string& block, const std::string& root = "/");

/// What a namespace's commands go through.
struct drive_limits {
    /// What its paths share tags under: the controller, nvme0, or of a multipath node the
    /// subsystem, nvme-subsys0.
    std::string controller;
    std::string transport; ///< pcie, or the first that is not: tcp, rdma ...; empty: unknown
    /// Commands one hardware queue holds: its tags, or less where an I/O scheduler or a user set
    /// nr_requests lower. The least of all paths; 0: unknown.
    std::uint32_t tags = 0;
    std::string scheduler; ///< the I/O scheduler of a path that has one; empty: none has
};

[[nodiscard]] drive_limits read_drive_limits(
    const std::string& block, const std::string& root = "/");

} // namespace ngpoll
