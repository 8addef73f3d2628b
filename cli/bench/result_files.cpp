// SPDX-License-Identifier: MIT
#include "result_files.hpp"

#include <exception>
#include <stdexcept>

#include "../error_line.hpp"
#include "export.hpp"
#include "json.hpp"

namespace ngpoll::cli {

result_files::result_files(const bench_options& options)
    : json_("--json", options.json_path)
    , csv_("--csv", options.csv_path)
    , hgrm_("--hgrm", options.hgrm_path)
{
    if (json_.is_standard_output() + csv_.is_standard_output() + hgrm_.is_standard_output() > 1)
        throw std::invalid_argument("only one of --json, --csv and --hgrm can go to standard "
                                    "output; give files for the others");
}

std::vector<std::string> result_files::write(
    const environment& around, std::span<const bench_result> runs, const rate_finding* finding)
{
    std::vector<std::string> failures;
    const auto write = [&](output_file& file, const std::string& text) {
        try {
            file.finish(text);
        } catch (const std::exception& error) {
            failures.push_back(error_text(error));
        }
    };
    const bench_result& first = runs.front();
    write(json_, json_text(around, runs, finding));
    write(csv_, csv_text(runs));
    write(hgrm_, hgrm_text(merged(first.latencies()), first.ns_per_tick));
    return failures;
}

} // namespace ngpoll::cli
