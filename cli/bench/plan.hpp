// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>

#include "options.hpp"
#include "placement.hpp"
#include "tick_clock.hpp"

namespace ngpoll::cli {

/// The place of a run on a namespace: the sizes in the options, as numbers of the drive's blocks.
struct bench_geometry {
    std::uint32_t blocks_per_io = 1;
    std::uint32_t transfer_bytes = 0; ///< of a buffer: the blocks' data, and interleaved metadata
    std::uint64_t first_slba = 0; ///< of the range that is used
    std::uint64_t positions = 0; ///< how many I/Os fit side by side in the range
};

/// Checks the options as far as that needs no drive; throws std::invalid_argument with one line.
void check_options(const bench_options& options);

/// The choice in --queues, or the choice for each part of --compare. Throws std::invalid_argument
/// with one line.
[[nodiscard]] std::vector<queue_choice> parts_of(const bench_options& options);

/// The options of one part. Rings beside workers have an equal part of the depth each, so that all
/// parts have the same number of I/Os in flight.
[[nodiscard]] bench_options options_of(const bench_options& options, const queue_choice& part);

/// Checks options against the namespace too; throws std::invalid_argument with one line.
[[nodiscard]] bench_geometry plan(
    const bench_options& options, const namespace_info& device, const placement& layout);

/// The clock that times the I/O.
[[nodiscard]] tick_source clock_of(const bench_options& options);

} // namespace ngpoll::cli
