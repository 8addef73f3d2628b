// SPDX-License-Identifier: MIT
#include "bench_report.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/utsname.h>

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

double ratio(std::uint64_t part, std::uint64_t whole)
{
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string rate_text(double per_second)
{
    if (per_second >= 1e6)
        return fmt::format("{:.3f}M", per_second / 1e6);
    if (per_second >= 1e4)
        return fmt::format("{:.2f}K", per_second / 1e3);
    return fmt::format("{:.0f}", per_second);
}

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
        {"empty_passes", of.stats.empty_passes}, {"sleeps", of.stats.sleeps},
        {"wakes", of.stats.wakes}, {"takeovers", of.stats.takeovers},
        {"submitted_per_call", ratio(of.stats.sent, calls)},
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
        {"queues", run.geometry.queues}, {"queues_private", o.queues == "private"},
        {"huge_pages", run.in_huge_pages}};
}

} // namespace

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

std::string header_text(const bench_result& run)
{
    const namespace_info& d = run.device;
    const bench_options& o = run.options;
    const poll_queue_report& queue = run.queues.front();
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
    fmt::format_to(out, "{} thread{} on {} poll queue{}; {}, {}{}{}{}\n", o.threads,
        o.threads == 1 ? "" : "s", run.geometry.queues, run.geometry.queues == 1 ? "" : "s",
        queue.transport, to_string(queue.mode), queue.flags.empty() ? "" : ", ",
        fmt::join(queue.flags, "|"), o.fixed_buffers ? ", fixed buffers" : "");
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
    if (second.errors != 0)
        text += fmt::format(", errors={}", second.errors);
    return text;
}

std::string summary_text(const bench_result& run)
{
    const bench_interval& all = run.total;
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{} reads in {:.2f} s: {}, errors: {}\n", all.finished(), all.seconds,
        interval_text({.seconds = all.seconds, .stats = all.stats}, block_bytes), all.errors);
    if (run.threads.size() > 1)
        for (std::size_t i = 0; i < run.threads.size(); ++i)
            fmt::format_to(out, "thread {}: {}\n", i, interval_text(run.threads[i], block_bytes));
    for (const error_count& kind : run.errors)
        fmt::format_to(out, "{} reads failed: {}\n", kind.count, kind.status.text());
    return text;
}

std::string json_text(const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    json root;
    root["ngpoll"] = NGPOLL_VERSION;
    root["kernel"] = kernel_text();
    root["device"] = device_json(run.device);
    root["options"] = options_json(run);
    for (const poll_queue_report& queue : run.queues)
        root["queues"].push_back({{"transport", queue.transport}, {"mode", to_string(queue.mode)},
            {"flags", queue.flags}, {"not_in_force", queue.declined}});
    root["summary"] = interval_json(run.total, block_bytes);
    root["errors"] = json::array();
    for (const error_count& kind : run.errors) {
        const bool from_drive = kind.status.nvme_status != 0;
        root["errors"].push_back({{"kind", from_drive ? "nvme" : "errno"},
            {"value", from_drive ? kind.status.nvme_status : kind.status.errno_value},
            {"text", kind.status.text()}, {"count", kind.count}});
    }
    root["threads"] = json::array();
    for (const bench_interval& thread : run.threads)
        root["threads"].push_back(interval_json(thread, block_bytes));
    root["intervals"] = json::array();
    for (const bench_interval& second : run.intervals)
        root["intervals"].push_back(interval_json(second, block_bytes));
    return root.dump(2) + "\n";
}

} // namespace ngpoll::cli
