// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>

namespace ngpoll::cli {

/// The options of one `ngpoll survey`.
struct survey_options {
    std::vector<std::string> devices{}; ///< exactly one
    bool quick = false;
    double seconds = 0; ///< of each measurement; 0: as `quick` says
    std::uint64_t block_bytes = 0; ///< of a read; 0: a logical block
    std::string t_io_uring{}; ///< the path of the program; empty: not given
    std::string json_path{}; ///< for output_file
    std::string report_path{}; ///< for output_file; empty: no page
};

/// One measurement: a command, which a person can repeat.
struct survey_step {
    enum class program { bench, t_io_uring, fio };

    std::string name{}; ///< scripts rely on it
    std::string title{};
    program runs = program::bench;
    std::vector<std::string> words{}; ///< of the command line
    std::uint32_t measurements = 1; ///< of `seconds` each
    double seconds = 0;
    std::string left_out{}; ///< why it cannot be tried; empty: it can
};

/// The most threads that read at once.
inline constexpr std::uint32_t kSurveyThreadsMax = 8;

/// All measurements of a drive, in order. None of them writes.
[[nodiscard]] std::vector<survey_step> plan_survey(
    const survey_options& options, const namespace_info& device);

} // namespace ngpoll::cli
