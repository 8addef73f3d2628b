// SPDX-License-Identifier: MIT
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace ngpoll {

/// The block device beside a passthrough device: nvme0n1 for /dev/ng0n1. Empty for another name.
[[nodiscard]] inline std::string block_name(std::string_view path)
{
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return name.starts_with("ng") ? "nvme" + std::string(name.substr(2)) : std::string();
}

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

} // namespace ngpoll
