// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ngpoll/drive_settings.hpp>
#include <ngpoll/nvme_namespace.hpp>

namespace ngpoll::cli {

/// Where a drive sits in the machine.
struct drive_place {
    /// Its NUMA node; nothing: the machine has one node, or it is unknown, or its paths differ.
    std::optional<std::uint32_t> node;
    std::vector<std::uint32_t> node_cpus; ///< that node's processors, ascending
    iommu_use iommu = iommu_use::unknown; ///< of several paths the slowest
};

/// Of an emulated drive nothing is known. A file that cannot be read makes its fact unknown, and is
/// no error. `root` is
/// where /proc, /sys and /dev hang, for tests.
[[nodiscard]] drive_place find_place(const namespace_info& drive, const std::string& root = "/");

} // namespace ngpoll::cli
