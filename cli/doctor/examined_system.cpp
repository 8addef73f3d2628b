// SPDX-License-Identifier: MIT
#include "examined_system.hpp"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

examined_drive look_into(drive_info found, const std::string& root)
{
    examined_drive examined{.found = std::move(found), .settings = {}, .formats = {}};
    for (const drive_path& path : examined.found.paths)
        examined.settings.push_back(read_path_settings(path, root));
    const std::string node = root + examined.found.path;
    examined.readable = ::access(node.c_str(), R_OK) == 0;
    // A drive that is not live answers late or never.
    for (const drive_path& path : examined.found.paths)
        if (path.controller.state == "live" && examined.formats.empty())
            examined.formats = read_lba_formats(node);
    return examined;
}

} // namespace

examined_system examine(const std::vector<std::string>& paths, const std::string& root)
{
    examined_system all{.host = read_machine(root), .drives = {}};
    const drive_list list = find_drives(root);
    if (paths.empty())
        for (const drive_info& each : list.drives)
            all.drives.push_back(look_into(each, root));
    for (const std::string& path : paths) {
        const drive_info* const found = find_drive(list, path, root);
        if (found == nullptr)
            throw std::invalid_argument(fmt::format(
                "{} is no NVMe namespace of this machine; give a device that `ngpoll list` shows, "
                "/dev/ngXnY, or none to check all",
                path));
        all.drives.push_back(look_into(*found, root));
    }
    return all;
}

} // namespace ngpoll::cli
