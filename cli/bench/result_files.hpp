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

/// The files that are written at the end. They are all opened before the first run.
class result_files {
public:
    /// Throws what output_file throws, and where two of them are standard output.
    explicit result_files(const bench_options& options);

    [[nodiscard]] bool use_standard_output() const noexcept
    {
        return json_.is_standard_output() || csv_.is_standard_output()
            || hgrm_.is_standard_output();
    }

    /// Writes them, at most once. `finding`: of --find, or null. Returns what failed.
    [[nodiscard]] std::vector<std::string> write(
        const environment& around, std::span<const bench_result> runs, const rate_finding* finding);

private:
    output_file json_, csv_, hgrm_;
};

} // namespace ngpoll::cli
