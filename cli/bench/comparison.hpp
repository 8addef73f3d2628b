// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "repetitions.hpp"

namespace ngpoll::cli {

/// The name of a part: "--queues shared", "rings".
[[nodiscard]] std::string part_text(const bench_result& part);

/// The figures of one part that are compared.
struct compared_part {
    std::string choice;
    double seconds = 0; ///< until all blocks were done, or else the run time
    double iops = 0;
    double iops_ratio = 0; ///< to the last part's IOPS
    double thread_iops_min = 0;
    double thread_iops_max = 0;
    double deferred_share = 0;
    std::uint64_t passes = 0;
    std::uint64_t empty_passes = 0;
    double system_calls_per_io = 0; ///< 0 if the drive is emulated
    double hand_overs_per_second = 0;
    double wake_ups_per_second = 0;
};

/// The figures of each part's median run.
[[nodiscard]] std::vector<compared_part> compare(std::span<const repeated_run> parts);
/// The parts side by side, one figure a line. For repeated parts it also says whether the
/// difference in IOPS is more than noise.
[[nodiscard]] std::string comparison_text(std::span<const repeated_run> parts);

} // namespace ngpoll::cli
