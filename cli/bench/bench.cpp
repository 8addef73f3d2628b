// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/ngpoll.hpp>
#include <ngpoll/processors.hpp>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../output_file.hpp"
#include "../stop_signals.hpp"
#include "../text_output.hpp"
#include "comparison.hpp"
#include "environment.hpp"
#include "export.hpp"
#include "json.hpp"
#include "options.hpp"
#include "placement.hpp"
#include "run.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

placement_bounds bounds_of(const bench_options& options, const namespace_info& device)
{
    // Those who are interrupted need not keep to the processors of poll queues.
    if (device.emulated || !options.polled)
        return {};
    return {.map = read_hardware_queues(device.path),
        .allowed = allowed_processors(),
        .queues_max = options.force ? 0 : device.polled_queues_max};
}

/// Where no drive was given and there are some: how to measure one.
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

/// Leave to write to `device`, where that is what the run does.
std::optional<write_permit> permit_for(const bench_options& options, const nvme_namespace& device)
{
    if (!options.pattern().writes())
        return std::nullopt;
    const std::vector<std::string>& names = options.write_names;
    const std::string own = serial_and_nsid(device.info());
    const bool is_named = std::find(names.begin(), names.end(), own) != names.end();
    return write_permit::take(device,
        {.serial_nsid = is_named ? own
                : names.empty()  ? ""
                                 : names.front(),
            .force = options.force});
}

/// What of the permit had to be forced.
std::string permit_text(const std::optional<write_permit>& permit)
{
    if (!permit || permit->unchecked().empty())
        return {};
    return fmt::format("forced: writes, although nobody can tell whether the drive is in use: {}\n",
        permit->unchecked());
}

/// What is known of a run before it starts: all but the figures.
bench_result prepare(const bench_options& options, const queue_choice& choice,
    const nvme_namespace& device, const placement_bounds& bounds)
{
    bench_result planned;
    planned.device = device.info();
    planned.options = options;
    // At a rate the clock is the one that says when an I/O is due.
    planned.clock = !options.latency ? tick_source::none
        : options.rate_iops != 0     ? tick_source::system
                                     : best_tick_source();
    planned.choice = choice.word;
    planned.layout = lay_out(choice, options.threads, bounds);
    planned.geometry = plan(options, device.info(), planned.layout);
    return planned;
}

/// What became of the parts.
struct outcome {
    std::vector<bench_result> done; ///< at least one
    std::string failure; ///< why the next part could not run; empty: they ended as they should
};

/// Runs one part after the other, until one is to be the last. Throws why the first cannot run.
outcome run_parts(std::vector<bench_result> planned, const nvme_namespace& device,
    std::string heading, const stop_signals& signals, text_output& out, std::FILE* screen)
{
    const std::size_t parts = planned.size();
    // What a later part cannot have is better said before the first one has run.
    if (parts > 1)
        for (const bench_result& part : planned)
            static_cast<void>(open_queues(part, device));
    outcome became;
    for (bench_result& part : planned) {
        const std::size_t number = became.done.size() + 1;
        if (parts > 1)
            heading += fmt::format("part {} of {}: --queues {}\n", number, parts, part.choice);
        try {
            bench_run run(std::move(part), device, std::exchange(heading, {}), out, screen);
            const bool cut_short = run.measure(signals);
            became.done.push_back(run.take_result());
            out.print(summary_text(became.done.back()));
            if (cut_short || out.failed() || signals.came())
                break;
        } catch (const std::exception& error) {
            if (became.done.empty())
                throw;
            // What the parts before it measured is not lost.
            became.failure = fmt::format("part {} of {}: {}", number, parts, error_text(error));
            break;
        }
    }
    return became;
}

bool ended_well(const std::vector<bench_result>& parts)
{
    return std::all_of(parts.begin(), parts.end(),
        [](const bench_result& part) { return part.total.errors == 0; });
}

/// The files that are written at the end. They are all opened before the run.
struct result_files {
    explicit result_files(const bench_options& options)
        : json("--json", options.json_path)
        , csv("--csv", options.csv_path)
        , hgrm("--hgrm", options.hgrm_path)
    {
        if (json.is_standard_output() + csv.is_standard_output() + hgrm.is_standard_output() > 1)
            throw std::invalid_argument(
                "of --json, --csv and --hgrm one can go to standard output; "
                "give files for the others");
    }
    [[nodiscard]] bool use_standard_output() const noexcept
    {
        return json.is_standard_output() || csv.is_standard_output() || hgrm.is_standard_output();
    }

    output_file json, csv, hgrm;
};

/// Writes the files. Returns all that failed, in one line; empty: nothing did.
std::string finish(
    result_files& files, const environment& around, const outcome& became, const text_output& out)
{
    std::vector<std::string> failures;
    if (!became.failure.empty())
        failures.push_back(became.failure);
    if (out.failed())
        failures.push_back(out.failure_text());
    const auto write = [&](output_file& file, const std::string& text) {
        try {
            file.finish(text);
        } catch (const std::exception& error) {
            failures.push_back(error_text(error));
        }
    };
    const bench_result& first = became.done.front();
    write(files.json, json_text(around, became.done));
    write(files.csv, csv_text(became.done));
    write(files.hgrm, hgrm_text(merged(first.latencies), first.ns_per_tick));
    return fmt::format("{}", fmt::join(failures, "; and "));
}

int run_bench(const bench_options& asked)
{
    check_options(asked);
    bench_options options = asked;
    // As t/io_uring does; the header prints what is in force.
    options.submit_batch = std::min(options.submit_batch, options.depth);
    options.complete_batch = std::min(options.complete_batch, options.depth);
    const std::vector<queue_choice> parts = parts_of(options);
    const nvme_namespace device
        = nvme_namespace::open(options.devices.empty() ? "emu:" : options.devices.front(),
            {.writable = options.pattern().writes()});
    const std::optional<write_permit> permit
        = permit_for(options, device); // until the last write has ended
    const placement_bounds bounds = bounds_of(options, device.info());
    std::vector<bench_result> planned;
    planned.reserve(parts.size());
    for (const queue_choice& part : parts)
        planned.push_back(prepare(options, part, device, bounds));
    result_files results(options);
    std::FILE* const screen = results.use_standard_output() ? stderr : stdout;
    text_output out(screen);
    const environment around = look_around();
    const stop_signals signals; // until the JSON file is in its place
    const outcome became = run_parts(std::move(planned), device,
        drive_text(options, device.info()) + drives_text(options) + permit_text(permit), signals,
        out, screen);
    if (parts.size() > 1)
        out.print(comparison_text(became.done));
    const std::string failures = finish(results, around, became, out);
    if (!failures.empty())
        print_error(failures);
    return failures.empty() && ended_well(became.done) ? kExitSuccess : kExitFailed;
}

} // namespace

subcommand add_bench(CLI::App& app)
{
    const auto options = std::make_shared<bench_options>();
    option_list bench(app, "bench", "Read as fast as it goes, and count");
    add_options(bench, *options);
    return {.parser = bench.parser(), .run = [options] { return run_bench(*options); }};
}

} // namespace ngpoll::cli
