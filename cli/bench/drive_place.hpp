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
    /// The drive's NUMA node. Nothing: the machine has one node, the drive's node is unknown, or
    /// the drive's paths are on different nodes.
    std::optional<std::uint32_t> node;
    std::vector<std::uint32_t> node_cpus; ///< that node's processors, ascending
    iommu_use iommu = iommu_use::unknown; ///< the slowest use among the drive's paths
};

/// Finds where a drive sits. For an emulated drive everything is unknown. When a file cannot be
/// read, its fact is unknown, and that is no error. `root` holds /proc, /sys and /dev, for tests.
[[nodiscard]] drive_place find_place(const namespace_info& drive, const std::string& root = "/");

} // namespace ngpoll::cli
