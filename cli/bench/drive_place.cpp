// SPDX-License-Identifier: MIT
#include "drive_place.hpp"

#include <algorithm>
#include <map>

#include <ngpoll/drives.hpp>
#include <ngpoll/machine.hpp>

namespace ngpoll::cli {

drive_place find_place(const namespace_info& drive, const std::string& root)
{
    drive_place place;
    if (drive.emulated)
        return place;
    const drive_list all = find_drives(root);
    const drive_info* const found = find_drive(all, drive.path, root);
    if (found == nullptr || found->paths.empty())
        return place;
    place.node = found->paths.front().controller.numa_node;
    for (const drive_path& path : found->paths) {
        place.iommu = std::max(place.iommu, read_path_settings(path, root).iommu());
        if (path.controller.numa_node != place.node)
            place.node.reset();
    }
    if (!place.node)
        return place;
    std::map<std::uint32_t, std::vector<std::uint32_t>> nodes = read_machine(root).node_cpus;
    if (nodes.size() < 2)
        place.node.reset();
    else
        place.node_cpus = std::move(nodes[*place.node]);
    return place;
}

} // namespace ngpoll::cli
