// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "drive_place.hpp"
#include "options.hpp"
#include "placement.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// The open drives, in the order of the command line. If the command line names none, there is one
/// emulated drive. The three lists have the same length.
struct bench_targets {
    std::vector<nvme_namespace> devices;
    /// The permits to write, if the run writes; held until the last write has ended.
    std::vector<std::optional<write_permit>> permits;
    std::vector<drive_place> places;
};

/// Opens the drives. A drive that is written must be named by a --write of its own. Throws what
/// nvme_namespace::open() and write_permit::take() throw, and std::invalid_argument if a drive is
/// named twice.
[[nodiscard]] bench_targets open_targets(const bench_options& options);

/// The permits that had to be forced, a line each.
[[nodiscard]] std::string permits_text(const bench_targets& targets);

/// Plans a run on the drives: fills in everything but the figures. Throws std::invalid_argument
/// with one line.
[[nodiscard]] bench_result plan_run(
    const bench_options& options, const queue_choice& choice, const bench_targets& targets);

} // namespace ngpoll::cli
