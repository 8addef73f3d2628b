// SPDX-License-Identifier: MIT
#include "json.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <ngpoll/version.h>

#include "comparison.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

/// Null if there was no system call, as on an emulated drive.
json per_call(std::uint64_t part, std::uint64_t calls)
{
    return calls == 0 ? json(nullptr) : json(ratio(part, calls));
}

/// Null if no I/O was timed.
json latency_json(const latency_summary& of)
{
    if (of.count == 0)
        return nullptr;
    json latency = {{"min", of.min_ns}, {"mean", of.mean_ns}, {"max", of.max_ns}};
    for (std::size_t i = 0; i < kPercentiles.size(); ++i)
        latency[kPercentiles[i].key] = of.at_ns[i];
    return latency;
}

json interval_json(const bench_interval& of, std::uint32_t block_bytes)
{
    const std::uint64_t calls = of.stats.system_calls;
    return {{"seconds", of.seconds}, {"reads", of.finished()}, {"iops", of.iops()},
        {"bytes_per_second", of.iops() * block_bytes}, {"errors", of.errors},
        {"inline", of.stats.finished_inline}, {"deferred", of.stats.finished_deferred},
        {"inline_share", ratio(of.stats.finished_inline, of.finished())},
        {"deferred_share", ratio(of.stats.finished_deferred, of.finished())},
        {"system_calls", of.stats.system_calls}, {"passes", of.stats.passes},
        {"empty_passes", of.stats.empty_passes}, {"hand_overs", of.hand_overs()},
        {"wake_ups", of.wake_ups()}, {"sleeps", of.stats.sleeps}, {"wakes", of.stats.wakes},
        {"takeovers", of.stats.takeovers}, {"submitted_per_call", per_call(of.stats.sent, calls)},
        {"completed_per_call", per_call(of.finished(), calls)}};
}

json device_json(const bench_drive& drive)
{
    const namespace_info& device = drive.device;
    return {{"path", device.path}, {"emulated", device.emulated}, {"model", device.model},
        {"serial", device.serial}, {"firmware", device.firmware}, {"nsid", device.nsid},
        {"capacity_blocks", device.capacity_blocks},
        {"used_blocks", device.used_blocks ? json(*device.used_blocks) : json(nullptr)},
        {"lba_bytes", device.lba_bytes}, {"metadata_bytes", device.metadata_bytes},
        {"transfer_bytes_max", device.transfer_bytes_max},
        {"queue_depth_max", device.queue_depth_max},
        {"has_poll_queues", device.has_poll_queues ? json(*device.has_poll_queues) : json(nullptr)},
        {"numa_node", drive.place.node ? json(*drive.place.node) : json(nullptr)},
        {"iommu", to_string(drive.place.iommu)}};
}

json options_json(const bench_result& run)
{
    const bench_options& o = run.options;
    const bench_drive& first = run.drives.front();
    return {{"block_bytes", o.block_bytes}, {"depth", o.depth}, {"submit_batch", o.submit_batch},
        {"complete_batch", o.complete_batch}, {"threads", o.threads}, {"mode", to_string(o.mode())},
        {"fixed_buffers", o.fixed_buffers}, {"registered_file", o.registered_file},
        {"registered_ring", o.registered_ring}, {"random", o.pattern().random},
        {"rw", o.pattern().word},
        {"rwmixread", o.pattern().mixed() ? json(o.reads_percent) : json(nullptr)},
        {"random_distribution", o.law.text()},
        {"offset_bytes", first.geometry.first_slba * first.device.lba_bytes},
        {"size_bytes", first.geometry.positions * o.block_bytes}, {"latency", o.latency},
        {"warmup", o.warmup_seconds},
        {"rate", o.rate_iops == 0 ? json(nullptr) : json(o.rate_iops)}, {"runtime", o.seconds},
        {"huge_pages", run.in_huge_pages}, {"repeat", o.repeat},
        {"workers", o.workers == 0 ? json(nullptr) : json(o.workers)},
        {"blocks", o.blocks == 0 ? json(nullptr) : json(o.blocks)}, {"work_ns", o.work_ns},
        {"slow_worker",
            o.slow ? json({{"index", o.slow->index}, {"factor", o.slow->factor}}) : json(nullptr)}};
}

/// The figures of all threads together.
json sum_json(const bench_interval& of, std::uint32_t block_bytes, const counter_scope& counters)
{
    const auto counted
        = [&](double figure) { return counters.counted ? json(of.per_io(figure)) : json(nullptr); };
    json sum = interval_json(of, block_bytes);
    sum["thread_iops_min"] = of.thread_iops_min;
    sum["thread_iops_max"] = of.thread_iops_max;
    sum["latency_ns"] = latency_json(of.latency);
    sum["service_latency_ns"] = latency_json(of.service_latency);
    sum["cpu_ns_per_io"] = of.per_io(of.cost.processor_ns());
    sum["cpu_user_ns_per_io"] = of.per_io(of.cost.user_ns);
    sum["cpu_system_ns_per_io"] = of.per_io(of.cost.system_ns);
    sum["cpu_share"] = of.processor_share();
    sum["instructions_per_io"] = counted(of.cost.instructions);
    sum["cycles_per_io"] = counted(of.cost.cycles);
    return sum;
}

json operations_json(const latency_set& latencies, double ns_per_tick)
{
    json all = json::object();
    for (const operation what : kAllOperations)
        if (const auto& found = latencies[static_cast<std::size_t>(what)]; found.total() != 0)
            all[to_string(what)] = {{"count", found.total()},
                {"latency_ns", latency_json(summarise(found, ns_per_tick))}};
    return all;
}

json layout_json(const bench_drive& drive, const std::string& choice)
{
    const placement& from = drive.layout;
    json layout
        = {{"queues_asked", choice}, {"queues", from.queues}, {"role", to_string(drive.role)},
            {"numa_node", from.node ? json(*from.node) : json(nullptr)},
            {"numa_node_cpus", from.node_cpus}, {"hardware_poll_queues", json::array()},
            {"notes", from.notes}};
    for (const hardware_poll_queue& queue : from.hardware)
        layout["hardware_poll_queues"].push_back({{"hctx", queue.index}, {"cpus", queue.cpus}});
    return layout;
}

json queues_json(const bench_drive& drive)
{
    json queues = json::array();
    for (const poll_queue_report& queue : drive.queues)
        queues.push_back({{"transport", queue.transport}, {"mode", to_string(queue.mode)},
            {"flags", queue.flags}, {"not_in_force", queue.declined}});
    return queues;
}

json first_reads_json(const bench_worker::first_reads& first)
{
    return {{"count", first.all}, {"zeros", first.zeros}};
}

json errors_json(std::span<const bench_drive> drives)
{
    json errors = json::array();
    for (const bench_drive& drive : drives)
        for (const error_count& kind : drive.errors) {
            const bool from_drive = kind.status.nvme_status != 0;
            errors.push_back({{"kind", from_drive ? "nvme" : "errno"},
                {"value", from_drive ? kind.status.nvme_status : kind.status.errno_value},
                {"text", kind.status.text()}, {"count", kind.count}});
        }
    return errors;
}

json summary_json(const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    json summary = sum_json(run.total, block_bytes, run.counters);
    summary["operations"] = operations_json(run.latencies(), run.ns_per_tick);
    return summary;
}

/// A drive, with the figures of the threads on it.
json drive_json(const bench_result& run, const bench_drive& drive)
{
    const bench_interval& all = drive.total;
    json one = device_json(drive);
    one["offset_bytes"] = drive.geometry.first_slba * drive.device.lba_bytes;
    one["size_bytes"] = drive.geometry.positions * run.options.block_bytes;
    one["layout"] = layout_json(drive, run.choice);
    one["queues"] = queues_json(drive);
    json summary = interval_json(all, static_cast<std::uint32_t>(run.options.block_bytes));
    summary["thread_iops_min"] = all.thread_iops_min;
    summary["thread_iops_max"] = all.thread_iops_max;
    summary["latency_ns"] = latency_json(all.latency);
    summary["service_latency_ns"] = latency_json(all.service_latency);
    summary["operations"] = operations_json(drive.latencies, run.ns_per_tick);
    one["summary"] = std::move(summary);
    one["first_reads"] = first_reads_json(drive.first);
    one["errors"] = errors_json({&drive, 1});
    return one;
}

/// Adds each drive, and what all drives have in common: the layout is the first drive's, but counts
/// and lists are of all drives.
void add_drives(json& to, const bench_result& run)
{
    const bench_drive& front = run.drives.front();
    to["layout"] = layout_json(front, run.choice);
    to["queues"] = queues_json(front);
    to["errors"] = errors_json(run.drives);
    bench_worker::first_reads first = front.first;
    for (const bench_drive& drive : std::span(run.drives).subspan(1)) {
        to["layout"]["queues"] = drive.first_queue + drive.layout.queues;
        const auto append
            = [](json& list, json more) { list.insert(list.end(), more.begin(), more.end()); };
        append(to["queues"], queues_json(drive));
        append(to["layout"]["notes"], drive.layout.notes);
        first.all += drive.first.all;
        first.zeros += drive.first.zeros;
    }
    to["first_reads"] = first_reads_json(first);
    to["devices"] = json::array();
    for (const bench_drive& drive : run.drives)
        to["devices"].push_back(drive_json(run, drive));
}

json threads_json(const bench_result& run)
{
    json threads = json::array();
    for (std::size_t d = 0; d < run.drives.size(); ++d) {
        const bench_drive& drive = run.drives[d];
        for (std::uint32_t t = 0; t < drive.threads(); ++t) {
            const placement::seat& seat = drive.layout.seats[t];
            json thread = {{"device", d}, {"queue", drive.first_queue + seat.queue},
                {"hctx",
                    seat.hardware ? json(drive.layout.hardware[*seat.hardware].index)
                                  : json(nullptr)}};
            thread.update(interval_json(run.threads[drive.first_thread + t],
                static_cast<std::uint32_t>(run.options.block_bytes)));
            threads.push_back(std::move(thread));
        }
    }
    return threads;
}

/// The figures of each worker of a group.
json workers_json(const bench_result& run)
{
    json workers = json::array();
    for (const bench_interval& worker : run.threads)
        workers.push_back({{"completions", worker.finished()}, {"batches", worker.batches},
            {"sleeps", worker.stats.sleeps}, {"errors", worker.errors}});
    return workers;
}

/// Adds the fields that each run has.
void add_run(json& to, const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    to["clock"]
        = {{"source", run.clock == tick_source::none ? json(nullptr) : json(to_string(run.clock))},
            {"ns_per_tick", run.ns_per_tick}};
    to["counters"] = {{"counted", run.counters.counted}, {"kernel", run.counters.kernel},
        {"why", run.counters.why.empty() ? json(nullptr) : json(run.counters.why)}};
    to["summary"] = summary_json(run);
    add_drives(to, run);
    to["threads"] = threads_json(run);
    if (run.options.workers != 0)
        to["workers"] = workers_json(run);
    to["intervals"] = json::array();
    for (const bench_interval& second : run.intervals) {
        json at = {{"time", second.end_seconds}};
        at.update(sum_json(second, block_bytes, run.counters));
        to["intervals"].push_back(std::move(at));
    }
}

/// Adds a part of a comparison, or a result without parts: its median run, and all of its runs.
void add_part(json& to, const repeated_run& of)
{
    add_run(to, *of.median);
    if (of.median->options.repeat == 1)
        return;
    to["median_run"] = of.median->number;
    to["repetitions"] = json::array();
    for (const bench_result* run : of.runs)
        to["repetitions"].push_back({{"run", run->number}, {"summary", summary_json(*run)},
            {"errors", errors_json(run->drives)}});
}

json comparison_json(std::span<const repeated_run> parts)
{
    json all = json::array();
    for (const compared_part& part : compare(parts))
        all.push_back({{"queues_asked", part.choice}, {"seconds", part.seconds},
            {"iops", part.iops}, {"iops_ratio_to_last", part.iops_ratio},
            {"thread_iops_min", part.thread_iops_min}, {"thread_iops_max", part.thread_iops_max},
            {"deferred_share", part.deferred_share}, {"passes", part.passes},
            {"empty_passes", part.empty_passes}, {"system_calls_per_io", part.system_calls_per_io},
            {"hand_overs_per_second", part.hand_overs_per_second},
            {"wake_ups_per_second", part.wake_ups_per_second}});
    return all;
}

/// The options that all cells have in common.
json common_options_json(std::span<const repeated_run> cells)
{
    json common = options_json(*cells.front().median);
    for (const repeated_run& cell : cells) {
        const json own = options_json(*cell.median);
        for (const auto& [name, value] : own.items())
            if (common.contains(name) && common[name] != value)
                common.erase(name);
    }
    return common;
}

json values_json(const std::vector<swept_value>& values)
{
    json all = json::object();
    for (const swept_value& value : values)
        if (value.number && *value.number == std::floor(*value.number))
            all[value.key] = static_cast<std::uint64_t>(*value.number);
        else
            all[value.key] = value.text;
    return all;
}

json sweep_json(std::span<const repeated_run> cells)
{
    json sweep = json::array();
    for (const repeated_run& cell : cells) {
        json& to = sweep.emplace_back(json::object());
        to["values"] = values_json(cell.median->values);
        to["options"] = options_json(*cell.median);
        add_part(to, cell);
    }
    return sweep;
}

const char* to_string(rate_search::ending end)
{
    switch (end) {
    case rate_search::ending::found: return "found";
    case rate_search::ending::highest: return "highest";
    case rate_search::ending::none: return "none";
    case rate_search::ending::unfinished: break;
    }
    return "cut_short";
}

json rate_json(std::optional<double> rate) { return rate ? json(*rate) : json(nullptr); }

void add_finding(json& root, const rate_finding& finding, std::span<const bench_result> runs)
{
    const bench_result& best = runs[finding.best];
    root["options"] = options_json(best);
    add_run(root, best);
    json& to = root["find"] = {{"figure", finding.goal.figure}, {"limit_ns", finding.goal.limit_ns},
        {"outcome", to_string(finding.end)}, {"rate", rate_json(finding.rate)},
        {"rate_not_kept", rate_json(finding.broken)}, {"run", best.number},
        {"steps", json::array()}};
    for (std::size_t i = 0; i < finding.steps.size(); ++i) {
        const rate_finding::step& step = finding.steps[i];
        to["steps"].push_back({{"run", runs[i].number},
            {"rate", step.rate_iops == 0 ? json(nullptr) : json(step.rate_iops)},
            {"kept", step.kept}, {"summary", summary_json(runs[i])},
            {"errors", errors_json(runs[i].drives)}});
    }
}

/// Adds the results of all runs.
void add_results(json& root, std::span<const repeated_run> parts)
{
    const bench_options& options = parts.front().median->options;
    if (!options.sweeps.empty()) {
        root["options"] = common_options_json(parts);
        root["sweep"] = sweep_json(parts);
        return;
    }
    // Rings beside workers have only a part of the depth. The workers have the depth that the user
    // gave, so the options of their part are shown.
    const auto whole = std::find_if(parts.begin(), parts.end(),
        [](const repeated_run& part) { return !part.median->options.beside_workers; });
    root["options"] = options_json(*(whole == parts.end() ? parts.front() : *whole).median);
    if (!options.compare) {
        add_part(root, parts.front());
        return;
    }
    root["comparison"] = comparison_json(parts);
    for (const repeated_run& part : parts)
        add_part(root["parts"].emplace_back(json::object()), part);
}

} // namespace

std::string json_text(
    const environment& around, std::span<const bench_result> runs, const rate_finding* finding)
{
    json root;
    root["schema_version"] = kSchemaVersion;
    root["ngpoll"] = NGPOLL_VERSION;
    root["date"] = around.date;
    root["host"] = around.host;
    root["kernel"] = around.kernel;
    root["processor"] = around.processor;
    root["command_line"] = around.command_line;
    root["device"] = device_json(runs.front().drives.front());
    if (finding != nullptr)
        add_finding(root, *finding, runs);
    else
        add_results(root, by_variant(runs));
    return root.dump(2) + "\n";
}

} // namespace ngpoll::cli
