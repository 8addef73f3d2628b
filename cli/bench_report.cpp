// SPDX-License-Identifier: MIT
#include "bench_report.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>

#include "bench_comparison.hpp"
#include "processors.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

std::string bandwidth_text(double bytes_per_second)
{
    constexpr double kMiB = 1 << 20;
    if (bytes_per_second >= 1024 * kMiB)
        return fmt::format("{:.2f}GiB/s", bytes_per_second / (1024 * kMiB));
    return fmt::format("{:.0f}MiB/s", bytes_per_second / kMiB);
}

std::string size_text(std::uint64_t bytes)
{
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit)
        value /= 1024;
    return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

std::string kernel_text()
{
    utsname name{};
    ::uname(&name);
    return fmt::format("{} {}", name.sysname, name.release);
}

/// The calls that sent commands and looked for completions: system calls, or passes where the drive
/// is emulated and there are none.
std::uint64_t calls_of(const ring_stats& stats)
{
    return stats.system_calls != 0 ? stats.system_calls : stats.passes;
}

json interval_json(const bench_interval& of, std::uint32_t block_bytes)
{
    const std::uint64_t calls = calls_of(of.stats);
    return {{"seconds", of.seconds}, {"reads", of.finished()}, {"iops", of.iops()},
        {"bytes_per_second", of.iops() * block_bytes}, {"errors", of.errors},
        {"inline", of.stats.finished_inline}, {"deferred", of.stats.finished_deferred},
        {"inline_share", ratio(of.stats.finished_inline, of.finished())},
        {"deferred_share", ratio(of.stats.finished_deferred, of.finished())},
        {"system_calls", of.stats.system_calls}, {"passes", of.stats.passes},
        {"empty_passes", of.stats.empty_passes}, {"hand_overs", of.hand_overs()},
        {"wake_ups", of.wake_ups()}, {"sleeps", of.stats.sleeps}, {"wakes", of.stats.wakes},
        {"takeovers", of.stats.takeovers}, {"submitted_per_call", ratio(of.stats.sent, calls)},
        {"completed_per_call", ratio(of.finished(), calls)}};
}

json device_json(const namespace_info& device)
{
    return {{"path", device.path}, {"emulated", device.emulated}, {"model", device.model},
        {"serial", device.serial}, {"firmware", device.firmware}, {"nsid", device.nsid},
        {"capacity_blocks", device.capacity_blocks}, {"lba_bytes", device.lba_bytes},
        {"metadata_bytes", device.metadata_bytes},
        {"transfer_bytes_max", device.transfer_bytes_max},
        {"queue_depth_max", device.queue_depth_max},
        {"has_poll_queues",
            device.has_poll_queues ? json(*device.has_poll_queues) : json(nullptr)}};
}

json options_json(const bench_result& run)
{
    const bench_options& o = run.options;
    return {{"block_bytes", o.block_bytes}, {"depth", o.depth}, {"submit_batch", o.submit_batch},
        {"complete_batch", o.complete_batch}, {"threads", o.threads}, {"mode", to_string(o.mode())},
        {"fixed_buffers", o.fixed_buffers}, {"registered_file", o.registered_file},
        {"registered_ring", o.registered_ring}, {"random", o.random}, {"runtime", o.seconds},
        {"huge_pages", run.in_huge_pages}};
}

/// Of all threads together.
json sum_json(const bench_interval& of, std::uint32_t block_bytes)
{
    json sum = interval_json(of, block_bytes);
    sum["thread_iops_min"] = of.thread_iops_min;
    sum["thread_iops_max"] = of.thread_iops_max;
    return sum;
}

json layout_json(const bench_result& run)
{
    json layout = {{"queues_asked", run.choice}, {"queues", run.layout.queues},
        {"role", to_string(run.role)}, {"hardware_poll_queues", json::array()},
        {"notes", run.layout.notes}};
    for (const hardware_poll_queue& queue : run.layout.hardware)
        layout["hardware_poll_queues"].push_back({{"hctx", queue.index}, {"cpus", queue.cpus}});
    return layout;
}

json thread_json(const bench_result& run, std::uint32_t index)
{
    const bench_layout::seat& seat = run.layout.seats[index];
    json thread = {{"queue", seat.queue},
        {"hctx", seat.hardware ? json(run.layout.hardware[*seat.hardware].index) : json(nullptr)}};
    thread.update(
        interval_json(run.threads[index], static_cast<std::uint32_t>(run.options.block_bytes)));
    return thread;
}

/// What each part of a comparison has for itself.
void add_part(json& to, const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    to["layout"] = layout_json(run);
    for (const poll_queue_report& queue : run.queues)
        to["queues"].push_back({{"transport", queue.transport}, {"mode", to_string(queue.mode)},
            {"flags", queue.flags}, {"not_in_force", queue.declined}});
    to["summary"] = sum_json(run.total, block_bytes);
    to["errors"] = json::array();
    for (const error_count& kind : run.errors) {
        const bool from_drive = kind.status.nvme_status != 0;
        to["errors"].push_back({{"kind", from_drive ? "nvme" : "errno"},
            {"value", from_drive ? kind.status.nvme_status : kind.status.errno_value},
            {"text", kind.status.text()}, {"count", kind.count}});
    }
    to["threads"] = json::array();
    for (std::uint32_t i = 0; i < run.threads.size(); ++i)
        to["threads"].push_back(thread_json(run, i));
    to["intervals"] = json::array();
    for (const bench_interval& second : run.intervals)
        to["intervals"].push_back(sum_json(second, block_bytes));
}

json comparison_json(std::span<const bench_result> parts)
{
    json all = json::array();
    for (const compared_part& part : compare(parts))
        all.push_back({{"queues_asked", part.choice}, {"iops", part.iops},
            {"iops_ratio_to_last", part.iops_ratio}, {"thread_iops_min", part.thread_iops_min},
            {"thread_iops_max", part.thread_iops_max}, {"deferred_share", part.deferred_share},
            {"passes", part.passes}, {"empty_passes", part.empty_passes},
            {"system_calls_per_io", part.system_calls_per_io},
            {"hand_overs_per_second", part.hand_overs_per_second},
            {"wake_ups_per_second", part.wake_ups_per_second}});
    return all;
}

/// "thread 0-1 on poll queue hctx2: cpus 0", a line for each of the drive's poll queues in use.
std::string pins_text(const bench_layout& layout)
{
    std::string text;
    for (std::size_t h = 0; h < layout.hardware.size(); ++h) {
        std::vector<std::uint32_t> threads;
        for (std::uint32_t t = 0; t < layout.seats.size(); ++t)
            if (layout.seats[t].hardware == h)
                threads.push_back(t);
        if (!threads.empty())
            text += fmt::format("thread {} on poll queue hctx{}: cpus {}\n", ranges_text(threads),
                layout.hardware[h].index, ranges_text(layout.hardware[h].cpus));
    }
    return text;
}

} // namespace

std::string rate_text(double per_second)
{
    if (per_second >= 1e6)
        return fmt::format("{:.3f}M", per_second / 1e6);
    if (per_second >= 1e4)
        return fmt::format("{:.2f}K", per_second / 1e3);
    return fmt::format("{:.0f}", per_second);
}

bench_interval bench_interval::since(const bench_interval& before) const noexcept
{
    const ring_stats& a = stats;
    const ring_stats& b = before.stats;
    return {.seconds = seconds - before.seconds,
        .stats = {.finished_inline = a.finished_inline - b.finished_inline,
            .finished_deferred = a.finished_deferred - b.finished_deferred,
            .passes = a.passes - b.passes,
            .empty_passes = a.empty_passes - b.empty_passes,
            .system_calls = a.system_calls - b.system_calls,
            .sent = a.sent - b.sent,
            .sleeps = a.sleeps - b.sleeps,
            .wakes = a.wakes - b.wakes,
            .takeovers = a.takeovers - b.takeovers},
        .errors = errors - before.errors};
}

bench_interval together(
    std::span<const bench_interval> threads, const ring_stats& residents) noexcept
{
    bench_interval sum{.seconds = threads.front().seconds,
        .stats = residents,
        .threads = static_cast<std::uint32_t>(threads.size()),
        .thread_iops_min = threads.front().iops(),
        .thread_iops_max = threads.front().iops()};
    for (const bench_interval& thread : threads) {
        sum.stats += thread.stats;
        sum.errors += thread.errors;
        sum.thread_iops_min = std::min(sum.thread_iops_min, thread.iops());
        sum.thread_iops_max = std::max(sum.thread_iops_max, thread.iops());
    }
    return sum;
}

std::string drive_text(const bench_options& o, const namespace_info& d)
{
    std::string text;
    auto out = std::back_inserter(text);
    if (d.emulated)
        fmt::format_to(out,
            "emulated drive ({}): the IOPS below are what the engine and this processor do by "
            "themselves; no kernel and no drive is in them\n",
            d.path);
    else
        fmt::format_to(out, "{}: {}, serial {}, firmware {}, {}\n", d.path, d.model, d.serial,
            d.firmware, kernel_text());
    if (d.has_poll_queues == false && o.polled)
        fmt::format_to(out,
            "warning: {} has no poll queues, so this runs by interrupt; to poll: modprobe -r nvme "
            "&& modprobe nvme poll_queues=2 (or boot with nvme.poll_queues=2)\n",
            d.path);
    fmt::format_to(out, "{} in blocks of {} bytes; {} reads of {} bytes, depth {}, batches {}/{}\n",
        size_text(d.capacity_blocks * d.lba_bytes), d.lba_bytes, o.random ? "random" : "sequential",
        o.block_bytes, o.depth, o.submit_batch, o.complete_batch);
    return text;
}

std::string layout_text(const bench_result& run)
{
    const bench_options& o = run.options;
    const poll_queue_report& queue = run.queues.front();
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{} thread{} on {} poll queue{}; {}, {}{}{}{}\n", o.threads,
        o.threads == 1 ? "" : "s", run.layout.queues, run.layout.queues == 1 ? "" : "s",
        queue.transport, to_string(queue.mode), queue.flags.empty() ? "" : ", ",
        fmt::join(queue.flags, "|"), o.fixed_buffers ? ", fixed buffers" : "");
    if (o.threads > run.layout.queues || run.role == role_policy::resident)
        fmt::format_to(out, "who polls: {}\n",
            run.role == role_policy::resident ? "a resident thread for each poll queue"
                : "a thread that waits, until it has what it waits for");
    text += pins_text(run.layout);
    for (const std::string& note : run.layout.notes)
        fmt::format_to(out, "note: {}\n", note);
    for (const std::string& declined : queue.declined)
        fmt::format_to(out, "not in force: {}\n", declined);
    return text;
}

std::string interval_text(const bench_interval& second, std::uint32_t block_bytes)
{
    const std::uint64_t calls = calls_of(second.stats);
    std::string text
        = fmt::format("IOPS={}, BW={}, IOS/call={:.0f}/{:.0f}, inline={:.1f}%, deferred={:.1f}%",
            rate_text(second.iops()), bandwidth_text(second.iops() * block_bytes),
            ratio(second.stats.sent, calls), ratio(second.finished(), calls),
            100 * ratio(second.stats.finished_inline, second.finished()),
            100 * ratio(second.stats.finished_deferred, second.finished()));
    if (second.threads > 1) {
        const double seconds = std::max(second.seconds, 1e-9);
        text += fmt::format(
            ", hand-overs={}/s, wake-ups={}/s, empty polls={:.1f}%, slowest={}, fastest={}",
            rate_text(static_cast<double>(second.hand_overs()) / seconds),
            rate_text(static_cast<double>(second.wake_ups()) / seconds),
            100 * ratio(second.stats.empty_passes, second.stats.passes),
            rate_text(second.thread_iops_min), rate_text(second.thread_iops_max));
    }
    if (second.errors != 0)
        text += fmt::format(", errors={}", second.errors);
    return text;
}

std::string summary_text(const bench_result& run)
{
    bench_interval all = run.total;
    const std::uint64_t errors = std::exchange(all.errors, 0); // has a word of its own here
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{} reads in {:.2f} s: {}, errors: {}\n", all.finished(), all.seconds,
        interval_text(all, block_bytes), errors);
    if (run.threads.size() > 1)
        for (std::size_t i = 0; i < run.threads.size(); ++i)
            fmt::format_to(out, "thread {}: {}\n", i, interval_text(run.threads[i], block_bytes));
    for (const error_count& kind : run.errors)
        fmt::format_to(out, "{} reads failed: {}\n", kind.count, kind.status.text());
    return text;
}

std::string json_text(std::span<const bench_result> parts)
{
    json root;
    root["ngpoll"] = NGPOLL_VERSION;
    root["kernel"] = kernel_text();
    root["device"] = device_json(parts.front().device);
    root["options"] = options_json(parts.front());
    if (!parts.front().options.compare) {
        add_part(root, parts.front());
        return root.dump(2) + "\n";
    }
    root["comparison"] = comparison_json(parts);
    for (const bench_result& part : parts)
        add_part(root["parts"].emplace_back(json::object()), part);
    return root.dump(2) + "\n";
}

} // namespace ngpoll::cli
