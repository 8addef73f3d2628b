// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/drive_settings.hpp>
#include <ngpoll/drives.hpp>
#include <ngpoll/machine.hpp>

namespace ngpoll::cli {

/// A drive, and all that the checks need to know about it.
struct examined_drive {
    drive_info found;
    std::vector<path_settings> settings; ///< one for each path, in the order of the paths
    std::vector<lba_format> formats; ///< empty: the drive could not be asked
    bool readable = false; ///< this user may open it for reading
};

/// All that the checks look at. It is read once; the checks themselves read no files.
struct examined_system {
    machine_info host;
    std::vector<examined_drive> drives;
};

/// Reads the machine and the drives at `paths`; without paths, all drives. Throws
/// std::invalid_argument, with a text that says what to do, for a path that is not an NVMe drive.
/// `root` is the folder that holds /proc, /sys and /dev; tests give one of their own.
[[nodiscard]] examined_system examine(
    const std::vector<std::string>& paths, const std::string& root = "/");

} // namespace ngpoll::cli
