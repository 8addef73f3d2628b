// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/drive_use.hpp>
#include <ngpoll/drives.hpp>

namespace ngpoll::cli {

/// A drive, and what the list tells of it besides.
struct listed_drive {
    drive_info found;
    std::string write_name; ///< what `--write` asks for: SERIAL:NSID
    drive_use use; ///< what a write would destroy
};

struct listing {
    std::vector<listed_drive> drives;
    std::vector<drive_controller> without_namespace;
    std::vector<foreign_drive> foreign;
};

/// All drives of this machine. `root` is where /sys hangs, for tests.
[[nodiscard]] listing read_listing(const std::string& root = "/");

/// For people: a table with a line for each drive, and a sentence for all else.
[[nodiscard]] std::string list_text(const listing& all);

/// For programs: one JSON object.
[[nodiscard]] std::string list_json(const listing& all);

} // namespace ngpoll::cli
