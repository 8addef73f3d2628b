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

/// The drives that the command line names, open, in its order; or the emulated one that stands in
/// for none. The lists are as long as each other.
struct bench_targets {
    std::vector<nvme_namespace> devices;
    /// Leave to write, where that is what the run does; held until the last write has ended.
    std::vector<std::optional<write_permit>> permits;
    std::vector<drive_place> places;
};

/// Throws what nvme_namespace::open() and write_permit::take() throw, and std::invalid_argument
/// where a drive is named twice. Each drive that is written must be named by a --write of its own.
[[nodiscard]] bench_targets open_targets(const bench_options& options);

/// The permits that had to be forced, a line each.
[[nodiscard]] std::string permits_text(const bench_targets& targets);

/// A run on them before it starts, with all that is known: all but the figures. Throws
/// std::invalid_argument with one line.
[[nodiscard]] bench_result plan_run(
    const bench_options& options, const queue_choice& choice, const bench_targets& targets);

} // namespace ngpoll::cli
