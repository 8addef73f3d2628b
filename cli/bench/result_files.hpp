// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <vector>

#include "../output_file.hpp"
#include "environment.hpp"
#include "find.hpp"
#include "options.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// The files that are written at the end. The constructor opens all of them, before the first run.
class result_files {
public:
    /// Throws what output_file throws, and std::invalid_argument if two files are standard output.
    explicit result_files(const bench_options& options);

    [[nodiscard]] bool use_standard_output() const noexcept
    {
        return json_.is_standard_output() || csv_.is_standard_output()
            || hgrm_.is_standard_output();
    }

    /// Writes the files; call it at most once. `finding` is the outcome of --find, or null. Returns
    /// the failures, in a line each.
    [[nodiscard]] std::vector<std::string> write(
        const environment& around, std::span<const bench_result> runs, const rate_finding* finding);

private:
    output_file json_, csv_, hgrm_;
};

} // namespace ngpoll::cli
