// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/drive_settings.hpp>
#include <ngpoll/drives.hpp>
#include <ngpoll/machine.hpp>

namespace ngpoll::cli {

/// A drive that is looked into.
struct examined_drive {
    drive_info found;
    std::vector<path_settings> settings; ///< of each of its paths, in their order
    std::vector<lba_format> formats; ///< empty: it could not be asked
    bool readable = false; ///< this user may open it for reading
};

/// What is looked into, read once: the checks read no files.
struct patient {
    machine_info host;
    std::vector<examined_drive> drives;
};

/// Reads the machine, and the drives at `paths`, or where there are none all it has. Throws
/// std::invalid_argument, with a text that says what to do, for a path that is no NVMe drive.
/// `root` is where /proc, /sys and /dev hang, for tests.
[[nodiscard]] patient examine(const std::vector<std::string>& paths, const std::string& root = "/");

} // namespace ngpoll::cli
