// SPDX-License-Identifier: MIT
#include "bench.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
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
#include "json.hpp"
#include "options.hpp"
#include "placement.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace ngpoll::cli {

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point start)
{
    return std::chrono::duration<double>(clock::now() - start).count();
}

using poll_queues = std::vector<std::unique_ptr<poll_queue>>;

placement_bounds bounds_of(const bench_options& options, const namespace_info& device)
{
    // Those who are interrupted need not keep to the processors of poll queues.
    if (device.emulated || !options.polled)
        return {};
    return {.map = read_hardware_queues(device.path),
        .allowed = allowed_processors(),
        .queues_max = options.force ? 0 : device.polled_queues_max};
}

/// What is known of a run before it starts: all but the figures.
bench_result prepare(const bench_options& options, const queue_choice& choice,
    const nvme_namespace& device, const placement_bounds& bounds)
{
    bench_result planned;
    planned.device = device.info();
    planned.options = options;
    planned.choice = choice.word;
    planned.layout = lay_out(choice, options.threads, bounds);
    planned.geometry = plan(options, device.info(), planned.layout);
    return planned;
}

poll_queues open_queues(const bench_result& planned, const nvme_namespace& device)
{
    const bench_options& options = planned.options;
    const std::vector<std::uint32_t> everywhere = allowed_processors();
    poll_queues opened;
    for (std::uint32_t q = 0; q < planned.layout.queues; ++q) {
        // A resident poller keeps to its maker's processors: those of its queue's threads.
        const std::span<const std::uint32_t> cpus = planned.layout.cpus_of_queue(q);
        pin_this_thread(cpus.empty() ? everywhere : cpus);
        const std::uint32_t rings = planned.layout.threads_on(q);
        opened.push_back(std::make_unique<poll_queue>(device,
            poll_queue::options{.depth = options.depth * rings,
                .rings_max = rings,
                .mode = options.mode(),
                .role = options.role,
                .registered_file = options.registered_file,
                .registered_ring = options.registered_ring,
                .hardware_queue = planned.layout.hardware_of_queue(q),
                .force = options.force}));
    }
    pin_this_thread(everywhere);
    return opened;
}

/// A run, or one part of a comparison. Its members in the order in which they depend on each other;
/// when it is gone, all its rings are closed.
class bench_run {
public:
    /// Prints `heading` and how the run lies, once the poll queues are open.
    bench_run(bench_result planned, const nvme_namespace& device, const std::string& heading,
        text_output& out);

    /// Prints a line a second until the time is over, a signal comes or nothing can be printed any
    /// more; then drains. True when it ended before its time.
    [[nodiscard]] bool measure(const stop_signals& signals);

    /// Once, after measure().
    [[nodiscard]] bench_result take_result() { return std::move(result_); }

private:
    /// Each thread's figures since the start.
    [[nodiscard]] std::vector<bench_interval> snapshot() const;
    /// Those of the resident pollers together.
    [[nodiscard]] bench_interval residents_snapshot() const;
    /// Stops the threads, and says each second what they still wait for.
    void drain();
    void collect();

    bench_result result_;
    text_output& out_;
    poll_queues queues_;
    std::optional<stop_signals::hold> held_; ///< while the process may not end
    bench_threads threads_;
    clock::time_point start_;
};

bench_run::bench_run(bench_result planned, const nvme_namespace& device, const std::string& heading,
    text_output& out)
    : result_(std::move(planned))
    , out_(out)
    , queues_(open_queues(result_, device))
    , threads_(result_.options.threads)
{
    for (const auto& queue : queues_)
        result_.queues.push_back(queue->report());
    result_.role = queues_.front()->role();
    out_.print(heading + layout_text(result_));
    if (std::any_of(result_.queues.begin(), result_.queues.end(),
            [](const poll_queue_report& queue) { return queue.must_drain; }))
        held_.emplace();
    threads_.start(result_, queues_);
    start_ = clock::now();
    result_.in_huge_pages = threads_.workers().front()->in_huge_pages();
}

std::vector<bench_interval> bench_run::snapshot() const
{
    const double seconds = seconds_since(start_);
    std::vector<bench_interval> threads;
    for (const auto& worker : threads_.workers())
        threads.push_back(
            {.seconds = seconds, .stats = worker->stats(), .errors = worker->error_total()});
    return threads;
}

bench_interval bench_run::residents_snapshot() const
{
    bench_interval all;
    for (const auto& queue : queues_)
        all.stats += queue->resident_stats();
    return all;
}

bool bench_run::measure(const stop_signals& signals)
{
    const auto block_bytes = static_cast<std::uint32_t>(result_.options.block_bytes);
    const double limit = result_.options.seconds;
    std::vector<bench_interval> before(
        threads_.workers().size(), {.seconds = seconds_since(start_)});
    bench_interval residents_before = residents_snapshot();
    bool cut_short = out_.failed();
    for (int second = 1;; ++second) {
        const double until = limit == 0 ? second : std::min<double>(second, limit);
        cut_short = cut_short
            || signals.wait_until(start_
                + std::chrono::duration_cast<clock::duration>(
                    std::chrono::duration<double>(until)));
        std::vector<bench_interval> now = snapshot();
        for (std::size_t t = 0; t < now.size(); ++t)
            before[t] = now[t].since(before[t]);
        const bench_interval residents = residents_snapshot();
        result_.intervals.push_back(together(before, residents.since(residents_before).stats));
        before = std::move(now);
        residents_before = residents;
        out_.print(interval_text(result_.intervals.back(), block_bytes) + "\n");
        cut_short = cut_short || out_.failed();
        if (cut_short || (limit != 0 && until >= limit))
            break;
    }
    drain();
    collect();
    return cut_short;
}

void bench_run::drain()
{
    const auto start = bench_threads::clock::now();
    threads_.begin_stop();
    for (int second = 1; !threads_.wait_ended(start + std::chrono::seconds(second)); ++second) {
        const bench_interval all = together(snapshot(), residents_snapshot().stats);
        out_.print(in_flight_text({.seconds = second,
            .requests = all.stats.sent - std::min(all.stats.sent, all.finished()),
            .may_not_end = held_.has_value()}));
    }
    threads_.stop();
    held_.reset();
}

void bench_run::collect()
{
    result_.threads = snapshot();
    result_.total = together(result_.threads, residents_snapshot().stats);
    for (const auto& worker : threads_.workers()) {
        for (const error_count& found : worker->errors()) {
            const auto same = std::find_if(result_.errors.begin(), result_.errors.end(),
                [&](const error_count& e) { return e.status == found.status; });
            if (same == result_.errors.end())
                result_.errors.push_back(found);
            else
                same->count += found.count;
        }
    }
}

/// What became of the parts.
struct outcome {
    std::vector<bench_result> done; ///< at least one
    std::string failure; ///< why the next part could not run; empty: they ended as they should
};

/// Runs one part after the other, until one is to be the last. Throws why the first cannot run.
outcome run_parts(std::vector<bench_result> planned, const nvme_namespace& device,
    const stop_signals& signals, text_output& out)
{
    const std::size_t parts = planned.size();
    // What a later part cannot have is better said before the first one has run.
    if (parts > 1)
        for (const bench_result& part : planned)
            static_cast<void>(open_queues(part, device));
    outcome became;
    std::string heading = drive_text(planned.front().options, device.info());
    for (bench_result& part : planned) {
        const std::size_t number = became.done.size() + 1;
        if (parts > 1)
            heading += fmt::format("part {} of {}: --queues {}\n", number, parts, part.choice);
        try {
            bench_run run(std::move(part), device, std::exchange(heading, {}), out);
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

bool read_well(const std::vector<bench_result>& parts)
{
    return std::all_of(parts.begin(), parts.end(),
        [](const bench_result& part) { return part.total.errors == 0; });
}

/// Writes the JSON file. Returns all that failed, in one line; empty: nothing did.
std::string finish(output_file& json, const outcome& became, const text_output& out)
{
    std::vector<std::string> failures;
    if (!became.failure.empty())
        failures.push_back(became.failure);
    if (out.failed())
        failures.push_back(out.failure_text());
    try {
        json.finish(json_text(became.done));
    } catch (const std::exception& error) {
        failures.push_back(error_text(error));
    }
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
        = nvme_namespace::open(options.devices.empty() ? "emu:" : options.devices.front());
    const placement_bounds bounds = bounds_of(options, device.info());
    std::vector<bench_result> planned;
    planned.reserve(parts.size());
    for (const queue_choice& part : parts)
        planned.push_back(prepare(options, part, device, bounds));
    output_file json("--json", options.json_path);
    text_output out(json.is_standard_output() ? stderr : stdout);
    const stop_signals signals; // until the JSON file is in its place
    const outcome became = run_parts(std::move(planned), device, signals, out);
    if (parts.size() > 1)
        out.print(comparison_text(became.done));
    const std::string failures = finish(json, became, out);
    if (!failures.empty())
        print_error(failures);
    return failures.empty() && read_well(became.done) ? kExitSuccess : kExitFailed;
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
