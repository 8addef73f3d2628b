// SPDX-License-Identifier: MIT
#include <ngpoll/drive_settings.hpp>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <endian.h>
#include <fcntl.h>
#include <libnvme.h>
#include <sys/stat.h>

#include "../file_descriptor.hpp"
#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// The name in brackets of "[none] mq-deadline"; without brackets the only name.
std::string chosen_word(const std::string& line)
{
    const auto open = line.find('[');
    const auto close = line.find(']');
    return open == std::string::npos || close == std::string::npos
        ? line
        : line.substr(open + 1, close - open - 1);
}

/// Reads "8.0 GT/s PCIe"; nothing for "Unknown".
std::optional<pcie_link> read_link(const fs::path& function)
{
    const auto speed = [&](const char* name) {
        return std::strtod(read_line((function / name).string()).c_str(), nullptr);
    };
    const auto width = [&](const char* name) {
        return read_value<std::uint32_t>((function / name).string()).value_or(0);
    };
    const pcie_link link{.speed = speed("current_link_speed"),
        .speed_max = speed("max_link_speed"),
        .width = width("current_link_width"),
        .width_max = width("max_link_width")};
    if (link.speed == 0 || link.width == 0)
        return std::nullopt;
    return link;
}

} // namespace

std::string_view to_string(iommu_use use) noexcept
{
    switch (use) {
    case iommu_use::none: return "none";
    case iommu_use::passed_through: return "passed through";
    case iommu_use::lazy: return "lazy";
    case iommu_use::strict: return "strict";
    case iommu_use::unknown: break;
    }
    return "unknown";
}

iommu_use path_settings::iommu() const noexcept
{
    if (!is_pci)
        return iommu_use::unknown;
    if (iommu_group.empty())
        return iommu_use::none;
    if (iommu_mode == "identity")
        return iommu_use::passed_through;
    if (iommu_mode == "DMA-FQ")
        return iommu_use::lazy;
    return iommu_mode == "DMA" ? iommu_use::strict : iommu_use::unknown;
}

path_settings read_path_settings(const drive_path& path, const std::string& root)
{
    const fs::path sys = fs::path(root) / "sys";
    const fs::path queue = sys / "block" / path.block_device / "queue";
    path_settings found;
    found.iostats = read_value<std::uint32_t>((queue / "iostats").string());
    found.nomerges = read_value<std::uint32_t>((queue / "nomerges").string());
    found.scheduler = chosen_word(read_line((queue / "scheduler").string()));
    const fs::path function = sys / "bus/pci/devices" / path.controller.address;
    std::error_code none;
    if (path.controller.address.empty() || !fs::exists(function, none))
        return found;
    found.is_pci = true;
    found.link = read_link(function);
    const fs::path group = fs::canonical(function / "iommu_group", none);
    if (!none) {
        found.iommu_group = group.filename().string();
        found.iommu_mode = read_line((group / "type").string());
    }
    return found;
}

std::vector<lba_format> read_lba_formats(const std::string& path)
{
    struct stat kind { };
    if (::stat(path.c_str(), &kind) != 0 || !S_ISCHR(kind.st_mode))
        return {};
    const auto opened
        = file_descriptor::opened_by([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    std::uint32_t nsid = 0;
    nvme_id_ns space{};
    if (opened.get() < 0 || nvme_get_nsid(opened.get(), &nsid) != 0
        || nvme_identify_ns(opened.get(), nsid, &space) != 0)
        return {};
    const unsigned in_use = (space.flbas & 0xfU) | ((space.flbas & 0x60U) >> 1U);
    std::vector<lba_format> formats;
    for (unsigned i = 0; i <= space.nlbaf; ++i) // NLBAF counts from 0
        if (const nvme_lbaf& each = space.lbaf[i]; each.ds != 0)
            formats.push_back({.index = i,
                .data_bytes = 1U << each.ds,
                .metadata_bytes = le16toh(each.ms),
                .performance = each.rp & 3U,
                .in_use = i == in_use});
    return formats;
}

} // namespace ngpoll
