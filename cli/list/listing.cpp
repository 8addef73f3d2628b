// SPDX-License-Identifier: MIT
#include "listing.hpp"

#include <utility>

namespace ngpoll::cli {

listing read_listing(const std::string& root)
{
    drive_list found = find_drives(root);
    listing all{.drives = {},
        .without_namespace = std::move(found.without_namespace),
        .foreign = std::move(found.foreign)};
    for (drive_info& one : found.drives) {
        identify_drive(one);
        namespace_info named;
        named.path = one.path;
        named.serial = one.serial;
        named.nsid = one.nsid;
        listed_drive listed{.found = {},
            .write_name = serial_and_nsid(named, root),
            .use = read_drive_use(one.path, root)};
        listed.found = std::move(one);
        all.drives.push_back(std::move(listed));
    }
    return all;
}

} // namespace ngpoll::cli
