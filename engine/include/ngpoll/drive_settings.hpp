// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/drives.hpp>

namespace ngpoll {

/// The link between a PCI function and the slot above it.
struct pcie_link {
    double speed = 0; ///< GT/s, now
    double speed_max = 0; ///< what the drive can do
    std::uint32_t width = 0; ///< lanes, now
    std::uint32_t width_max = 0; ///< lanes that the drive has
};

/// The work that an IOMMU does for each buffer that a drive is given.
enum class iommu_use : std::uint8_t {
    unknown, ///< the system does not say
    none, ///< no IOMMU translates
    passed_through, ///< an IOMMU is there and translates nothing for this drive
    lazy, ///< unmaps buffers later, many at once
    strict, ///< maps and unmaps each buffer for each I/O
};
/// "unknown", "none", "passed through", "lazy", "strict".
[[nodiscard]] std::string_view to_string(iommu_use use) noexcept;

/// The kernel's settings for one path of a drive.
struct path_settings {
    std::optional<std::uint32_t> iostats; ///< nothing: sysfs does not say; so for the members below
    std::optional<std::uint32_t> nomerges; ///< 0: all merges are tried, 1: simple merges, 2: none
    std::string scheduler; ///< "none", or the I/O scheduler's name; empty: sysfs does not say
    std::optional<pcie_link> link; ///< nothing: no PCI function, or sysfs does not say
    std::string iommu_group; ///< its number; empty: no IOMMU translates for the drive
    /// Mode of the group: "DMA" (strict), "DMA-FQ" (lazy), "identity" (passed through).
    std::string iommu_mode;
    bool is_pci = false; ///< the controller is a PCI function that sysfs shows

    /// The IOMMU's work for this path, from `iommu_group` and `iommu_mode`.
    [[nodiscard]] iommu_use iommu() const noexcept;
};

/// Reads the settings of `path` from sysfs. Any thread; opens files and allocates. `root` is the
/// folder that holds /sys, for tests.
[[nodiscard]] path_settings read_path_settings(
    const drive_path& path, const std::string& root = "/");

/// A format that a namespace can have.
struct lba_format {
    std::uint32_t index = 0; ///< the number for `nvme format --lbaf`
    std::uint32_t data_bytes = 0; ///< data of one logical block
    std::uint32_t metadata_bytes = 0; ///< metadata of one logical block
    std::uint32_t performance = 0; ///< the drive's own rating: 0 best, 1 better, 2 good, 3 degraded
    bool in_use = false; ///< the namespace has this format now
};

/// Asks the drive at `path`, /dev/ng0n1, by Identify Namespace. Returns nothing if the drive cannot
/// be asked, for example for want of permission. Waits for the drive; any thread.
[[nodiscard]] std::vector<lba_format> read_lba_formats(const std::string& path);

} // namespace ngpoll
