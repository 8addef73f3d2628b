// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/drive_use.hpp>
#include <ngpoll/drives.hpp>

namespace ngpoll::cli {

/// A drive, the name that `--write` takes for it, and its users.
struct listed_drive {
    drive_info found;
    std::string write_name; ///< SERIAL:NSID
    drive_use use; ///< a write would destroy their data
};

struct listing {
    std::vector<listed_drive> drives;
    std::vector<drive_controller> without_namespace;
    std::vector<foreign_drive> foreign;
};

/// All drives of this machine. `root` is the folder that holds /sys; tests give one of their own.
[[nodiscard]] listing read_listing(const std::string& root = "/");

/// Text for people: a table with a line for each drive, then a note for each thing that a table
/// cannot show.
[[nodiscard]] std::string list_text(const listing& all);

/// One JSON object for programs.
[[nodiscard]] std::string list_json(const listing& all);

} // namespace ngpoll::cli
