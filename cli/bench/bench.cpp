// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/ngpoll.hpp>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../stop_signals.hpp"
#include "../text_output.hpp"
#include "comparison.hpp"
#include "environment.hpp"
#include "find.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "repetitions.hpp"
#include "result_files.hpp"
#include "series.hpp"
#include "sweep.hpp"
#include "sweep_text.hpp"
#include "target.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

/// When no drive was given although the machine has some: how to measure one.
std::string drives_text(const bench_options& options)
{
    if (!options.devices.empty())
        return {};
    std::vector<std::string> paths;
    for (const drive_info& each : find_drives().drives)
        paths.push_back(each.path);
    if (paths.empty())
        return {};
    return fmt::format("note: no drive was given, and there are {}; to measure one: ngpoll bench "
                       "{}\n",
        fmt::join(paths, ", "), paths.front());
}

/// When the run has more threads than the user asked for: the reason.
std::string more_threads_text(const bench_options& asked)
{
    if (asked.threads >= asked.devices.size())
        return {};
    return fmt::format(
        "note: {0} threads for the {0} drives: a thread serves one drive\n", asked.devices.size());
}

/// The options within their limits, as t/io_uring applies them. The header prints these.
bench_options in_force(bench_options options)
{
    options.submit_batch = std::min(options.submit_batch, options.depth);
    options.complete_batch = std::min(options.complete_batch, options.depth);
    options.threads = std::max(options.threads, static_cast<std::uint32_t>(options.devices.size()));
    if (options.workers != 0)
        options.threads = options.workers;
    if (options.blocks != 0 && !options.has_seconds)
        options.seconds = 0;
    return options;
}

/// The options of a cell that writes to the drive, or of the first cell if none does.
const bench_options& writer_among(const std::vector<sweep_cell>& cells)
{
    for (const sweep_cell& cell : cells)
        if (cell.options.pattern().writes())
            return cell.options;
    return cells.front().options;
}

/// One planned run for each part of a comparison or cell of a sweep, or a single one. Each of them
/// may run several times.
std::vector<bench_result> plan_all(
    const std::vector<sweep_cell>& cells, const bench_targets& targets)
{
    std::vector<bench_result> planned;
    for (const sweep_cell& cell : cells)
        for (const queue_choice& part : parts_of(cell.options)) {
            planned.push_back(plan_run(in_force(options_of(cell.options, part)), part, targets));
            planned.back().values = cell.values;
            planned.back().variant = planned.size() - 1;
        }
    return planned;
}

/// Makes all runs, one after the other.
void run_all(bench_series& series, const std::vector<bench_result>& planned)
{
    const bench_options& options = planned.front().options;
    const std::vector<std::size_t> turns = take_turns(planned.size(), options.repeat);
    if (planned.size() > 1)
        series.try_out(planned);
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const bench_result& next = planned[turns[i]];
        run_title title;
        if (turns.size() > 1)
            title.number = fmt::format(
                "{} {} of {}", options.is_long() ? "run" : "part", i + 1, turns.size());
        if (options.compare)
            title.what = part_text(next);
        else
            title.what = values_text(next.values);
        if (!series.run(next, title))
            break;
    }
}

/// The outcome of all runs together.
std::string conclusion_text(const bench_options& options, const std::vector<bench_result>& done,
    const std::optional<rate_finding>& finding)
{
    if (finding)
        return finding_text(*finding, done[finding->best]) + summary_text(done[finding->best]);
    const std::vector<repeated_run> all = by_variant(done);
    if (!options.sweeps.empty())
        return sweep_text(options, all);
    std::string text;
    for (const repeated_run& each : all)
        if (options.repeat > 1)
            text += fmt::format("median run{}: run {}\n{}{}",
                options.compare ? " of " + part_text(*each.median) : "", each.median->number,
                summary_text(*each.median), spread_text(each));
    return options.compare ? text + comparison_text(all) : text;
}

bool ended_well(const std::vector<bench_result>& runs)
{
    return std::all_of(
        runs.begin(), runs.end(), [](const bench_result& run) { return run.total.errors == 0; });
}

/// Writes the files. Returns all failures of the command in one line; empty: there were none.
std::string finish(result_files& files, const environment& around, const bench_series& series,
    const std::optional<rate_finding>& finding, const text_output& out)
{
    std::vector<std::string> failures;
    if (!series.failure().empty())
        failures.push_back(series.failure());
    if (out.failed())
        failures.push_back(out.failure_text());
    for (std::string& failure : files.write(around, series.done(), finding ? &*finding : nullptr))
        failures.push_back(std::move(failure));
    return fmt::format("{}", fmt::join(failures, "; and "));
}

int run_bench(const bench_options& asked)
{
    check_options(asked);
    const bench_options options = in_force(asked);
    const std::vector<sweep_cell> cells = cells_of(options);
    for (const sweep_cell& cell : cells)
        check_options(cell.options);
    // The drives stay open until the last write has ended.
    const bench_targets targets = open_targets(writer_among(cells));
    const std::vector<bench_result> planned = plan_all(cells, targets);
    bench_result heading = planned.front(); // with the options that all runs have in common
    heading.options = options;
    result_files results(options);
    std::FILE* const screen = results.use_standard_output() ? stderr : stdout;
    text_output out(screen);
    const environment around = look_around();
    const stop_signals signals; // in force until the files are written
    bench_display display{.out = out,
        .screen = screen,
        .heading = drive_text(heading) + more_threads_text(asked) + drives_text(options)
            + permits_text(targets) + axes_text(options) + goal_text(options),
        .brief = options.is_long()};
    bench_series series(targets.devices, signals, display);
    std::optional<rate_finding> finding;
    if (options.find)
        finding = find_rate(series, display, planned.front());
    else
        run_all(series, planned);
    out.print(conclusion_text(options, series.done(), finding));
    const std::string failures = finish(results, around, series, finding, out);
    if (!failures.empty())
        print_error(failures);
    const bool well = failures.empty() && ended_well(series.done()) && (!finding || finding->rate);
    return well ? kExitSuccess : kExitFailed;
}

} // namespace

subcommand add_bench(CLI::App& app)
{
    const auto options = std::make_shared<bench_options>();
    option_list bench(app, "bench", "Measure drives: IOPS, latency, and what they cost");
    add_options(bench, *options);
    return {.parser = bench.parser(), .run = [options] { return run_bench(*options); }};
}

} // namespace ngpoll::cli
