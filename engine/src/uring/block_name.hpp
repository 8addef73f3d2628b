// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace ngpoll {

/// The block device beside a passthrough device: nvme0n1 for /dev/ng0n1. Empty for another name.
[[nodiscard]] inline std::string block_name(std::string_view path)
{
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return name.starts_with("ng") ? "nvme" + std::string(name.substr(2)) : std::string();
}

} // namespace ngpoll
