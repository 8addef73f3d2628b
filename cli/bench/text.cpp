// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/processors.hpp>

#include "../size_text.hpp"
#include "environment.hpp"
#include "equivalent.hpp"

namespace ngpoll::cli {

namespace {

/// "random I/Os of 4096 bytes, 70 % of them reads, zipf:1.2".
std::string workload_text(const bench_options& o)
{
    const access_pattern pattern = o.pattern();
    std::string text = fmt::format("{} {} of {} bytes", pattern.random ? "random" : "sequential",
        pattern.noun(), o.block_bytes);
    if (pattern.mixed())
        text += fmt::format(", {} % of them reads", o.reads_percent);
    if (pattern.random && o.law.zipf_theta != 0)
        text += ", " + o.law.text();
    if (!o.offset.is_zero())
        text += ", from " + o.offset.text();
    if (o.size)
        text += ", within " + o.size->text();
    return text;
}

/// ", 1000 of them, with 5us of work each, 10 times as much on thread 0".
std::string end_and_work_text(const bench_options& o)
{
    std::string text;
    if (o.blocks != 0)
        text += fmt::format(", {} of them", o.blocks);
    if (o.work_ns != 0)
        text
            += fmt::format(", with {} of work each", duration_text(static_cast<double>(o.work_ns)));
    if (o.slow)
        text += fmt::format(", {} times as much on thread {}", o.slow->factor, o.slow->index);
    return text;
}

/// "thread 0-1 on poll queue hctx2: cpus 0", a line for each of the drive's poll queues in use.
std::string pins_text(const bench_drive& drive)
{
    const placement& layout = drive.layout;
    std::string text;
    for (std::size_t h = 0; h < layout.hardware.size(); ++h) {
        std::vector<std::uint32_t> threads;
        for (std::uint32_t t = 0; t < layout.seats.size(); ++t)
            if (layout.seats[t].hardware == h)
                threads.push_back(drive.first_thread + t);
        if (!threads.empty())
            text += fmt::format("thread {} on poll queue hctx{}: cpus {}\n", ranges_text(threads),
                layout.hardware[h].index, ranges_text(layout.hardware[h].cpus));
    }
    if (layout.node)
        text += fmt::format("{} on the drive's NUMA node {}: cpus {}\n",
            layout.seats.size() == 1 ? "thread" : "threads", *layout.node,
            ranges_text(layout.node_cpus));
    return text;
}

/// ", NUMA node 1, IOMMU strict", as far as it is known.
std::string place_text(const drive_place& place)
{
    std::string text;
    if (place.node)
        text += fmt::format(", NUMA node {}", *place.node);
    if (place.iommu != iommu_use::unknown)
        text += fmt::format(", IOMMU {}", to_string(place.iommu));
    return text;
}

/// The cost of sharing poll queues.
std::string sharing_text(const bench_interval& all)
{
    const double seconds = std::max(all.seconds, 1e-9);
    return fmt::format("sharing: deferred={}, hand-overs={}/s, wake-ups={}/s\n"
                       "         empty polls={}, slowest={}, fastest={}\n",
        share_text(all.stats.finished_deferred, all.finished()),
        rate_text(static_cast<double>(all.hand_overs()) / seconds),
        rate_text(static_cast<double>(all.wake_ups()) / seconds),
        share_text(all.stats.empty_passes, all.stats.passes), rate_text(all.thread_iops_min),
        rate_text(all.thread_iops_max));
}

/// Three lines for each operation that was measured.
std::string latencies_text(const bench_result& run, const latency_set& of_all, const char* since)
{
    std::string text;
    auto out = std::back_inserter(text);
    for (const operation what : kAllOperations) {
        const latency_histogram& found = of_all[static_cast<std::size_t>(what)];
        if (found.total() == 0)
            continue;
        const latency_summary of = summarise(found, run.ns_per_tick);
        fmt::format_to(out, "{} latency{}: min={}, mean={}, max={}", to_string(what), since,
            duration_text(of.min_ns), duration_text(of.mean_ns), duration_text(of.max_ns));
        for (std::size_t i = 0; i < kPercentiles.size(); ++i)
            fmt::format_to(out, "{}{}%={}", i % 4 == 0 ? "\n    " : ", ", kPercentiles[i].text,
                duration_text(of.at_ns[i]));
        text += '\n';
    }
    return text;
}

std::string cost_text(const bench_result& run)
{
    const bench_interval& all = run.total;
    std::string text
        = fmt::format("cost per I/O: {} (user {}, system {}); {:.2f} processors busy\n",
            duration_text(all.per_io(all.cost.processor_ns())),
            duration_text(all.per_io(all.cost.user_ns)),
            duration_text(all.per_io(all.cost.system_ns)), all.processor_share());
    if (run.counters.counted)
        text += fmt::format("      {:.0f} instructions and {:.0f} cycles\n",
            all.per_io(all.cost.instructions), all.per_io(all.cost.cycles));
    if (!run.counters.why.empty())
        text += fmt::format("      {}\n", run.counters.why);
    return text;
}

/// "1 GiB in blocks of 512 bytes".
std::string capacity_text(const namespace_info& d)
{
    return fmt::format(
        "{} in blocks of {} bytes", size_text(d.capacity_blocks * d.lba_bytes), d.lba_bytes);
}

/// The line that identifies the drive.
std::string identity_text(const bench_drive& drive)
{
    const namespace_info& d = drive.device;
    if (d.emulated)
        return fmt::format("emulated drive ({}): the IOPS below show the engine and this processor "
                           "alone, without a kernel and without a drive\n",
            d.path);
    return fmt::format("{}: {}, serial {}, firmware {}{}\n", d.path, d.model, d.serial, d.firmware,
        place_text(drive.place));
}

/// Warnings about facts of a drive because of which its figures may mislead.
std::string drive_warnings(const namespace_info& d, const bench_options& o)
{
    std::string text;
    auto out = std::back_inserter(text);
    if (d.has_poll_queues == false && o.polled)
        fmt::format_to(out,
            "warning: {} has no poll queues, so this run waits for interrupts; to poll: modprobe "
            "-r nvme && modprobe nvme poll_queues=2 (or boot with nvme.poll_queues=2)\n",
            d.path);
    if (d.used_blocks && o.pattern().reads)
        fmt::format_to(out,
            "warning: {} says that {:.0f} % of its blocks are in use; reads of the other blocks "
            "may cost the drive nothing\n",
            d.path, 100 * ratio(*d.used_blocks, d.capacity_blocks));
    return text;
}

std::string layout_of_drive(const bench_drive& drive, const bench_options& o)
{
    const poll_queue_report& queue = drive.queues.front();
    const std::uint32_t threads = drive.threads();
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{} {}{}{} on {} poll queue{}; {}, {}{}{}{}\n", threads,
        o.workers != 0 ? "worker" : "thread", threads == 1 ? "" : "s",
        o.beside_workers ? fmt::format(" of depth {}", o.depth) : "", drive.layout.queues,
        drive.layout.queues == 1 ? "" : "s", queue.transport, to_string(queue.mode),
        queue.flags.empty() ? "" : ", ", fmt::join(queue.flags, "|"),
        o.fixed_buffers ? ", fixed buffers" : "");
    if (queue.mode == poll_mode::interrupt) {
        if (o.workers != 0)
            text += "poller: none; a thread of the group's own enters the kernel\n";
    } else if (threads > drive.layout.queues || drive.layout.rings_least > 1
        || drive.role == role_policy::resident) {
        fmt::format_to(out, "poller: {}\n",
            drive.role == role_policy::resident ? "a resident thread for each poll queue"
                                                : "a thread that waits, until its wait is over");
    }
    text += pins_text(drive);
    for (const std::string& note : drive.layout.notes)
        fmt::format_to(out, "note: {}\n", note);
    for (const std::string& forced : queue.forced)
        fmt::format_to(out, "forced: {}\n", forced);
    for (const std::string& declined : queue.declined)
        fmt::format_to(out, "not in force: {}\n", declined);
    return text;
}

/// "/dev/ng0n1: ", where there are several drives.
std::string prefix_of(const bench_drive& drive, const bench_result& run)
{
    return run.has_several_drives() ? drive.device.path + ": " : std::string();
}

/// The line of a worker of a group.
std::string worker_text(std::size_t index, const bench_interval& worker)
{
    return fmt::format("worker {}: {} done, IOPS={}, batches={} of {:.1f}, sleeps={}{}\n", index,
        worker.finished(), rate_text(worker.iops()), worker.batches,
        ratio(worker.finished(), worker.batches), worker.stats.sleeps,
        worker.errors == 0 ? "" : fmt::format(", errors={}", worker.errors));
}

/// A line for each thread.
std::string threads_text(const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    std::string text;
    if (run.options.workers == 0 && run.threads.size() < 2)
        return text; // the summary has the figures of a single thread
    for (std::size_t i = 0; i < run.threads.size(); ++i)
        text += run.options.workers != 0
            ? worker_text(i, run.threads[i])
            : fmt::format("thread {}: {}\n", i, interval_text(run.threads[i], block_bytes));
    return text;
}

/// If there are several drives, a line for each.
std::string drive_lines(const bench_result& run)
{
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    std::string text;
    if (run.has_several_drives())
        for (const bench_drive& drive : run.drives)
            text += prefix_of(drive, run) + interval_text(drive.total, block_bytes) + '\n';
    return text;
}

/// A warning about the classic false result: reads of blocks that were never written.
std::string zeros_text(const bench_result& run)
{
    std::string text;
    for (const bench_drive& drive : run.drives)
        if (drive.first.zeros != 0 && drive.first.zeros >= drive.first.all / 2)
            text += fmt::format(
                "warning: {}{} of the first {} reads brought nothing but zeros: these blocks were "
                "probably never written, and reads of such blocks may cost the drive nothing; "
                "write them first (--rw write -b128k --write SERIAL:NSID)\n",
                prefix_of(drive, run), drive.first.zeros, drive.first.all);
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

std::string bandwidth_text(double bytes_per_second)
{
    constexpr double kMiB = 1 << 20;
    if (bytes_per_second >= 1024 * kMiB)
        return fmt::format("{:.2f}GiB/s", bytes_per_second / (1024 * kMiB));
    return fmt::format("{:.0f}MiB/s", bytes_per_second / kMiB);
}

std::string share_text(std::uint64_t part, std::uint64_t whole)
{
    if (part == 0 || part == whole)
        return part == 0 ? "0%" : "100%";
    return fmt::format("{:.1f}%", std::clamp(100 * ratio(part, whole), 0.1, 99.9));
}

std::string drive_text(const bench_result& planned)
{
    const bench_options& o = planned.options;
    std::string text;
    auto out = std::back_inserter(text);
    for (const bench_drive& drive : planned.drives) {
        text += identity_text(drive);
        if (planned.has_several_drives())
            fmt::format_to(out, "    {}\n", capacity_text(drive.device));
    }
    fmt::format_to(out, "{}; {}, depth {}, batches {}/{}{}\n",
        planned.has_several_drives() ? fmt::format("{} drives", planned.drives.size())
                                     : capacity_text(planned.drives.front().device),
        workload_text(o), o.depth, o.submit_batch, o.complete_batch, end_and_work_text(o));
    fmt::format_to(out, "{}, {}\n", kernel_text(), processor_name());
    if (o.sweeps.empty())
        text += equivalent_text(planned);
    for (const bench_drive& drive : planned.drives)
        text += drive_warnings(drive.device, o);
    return text;
}

std::string layout_text(const bench_result& run)
{
    std::string text;
    for (const bench_drive& drive : run.drives) {
        if (run.has_several_drives())
            text += drive.device.path + ": ";
        text += layout_of_drive(drive, run.options);
    }
    return text;
}

std::string interval_text(const bench_interval& second, std::uint32_t block_bytes)
{
    std::string text = fmt::format(
        "IOPS={}, BW={}", rate_text(second.iops()), bandwidth_text(second.iops() * block_bytes));
    auto out = std::back_inserter(text);
    // An emulated drive takes no system calls, and neither does a thread beside a resident poller.
    if (const std::uint64_t calls = second.stats.system_calls; calls != 0)
        fmt::format_to(out, ", IOS/call={:.0f}/{:.0f}", ratio(second.stats.sent, calls),
            ratio(second.finished(), calls));
    fmt::format_to(out, ", inline={}", share_text(second.stats.finished_inline, second.finished()));
    if (second.latency.count != 0)
        fmt::format_to(out, ", p50={}, p99={}", duration_text(second.latency.p50_ns()),
            duration_text(second.latency.p99_ns()));
    if (second.errors != 0)
        fmt::format_to(out, ", errors={}", second.errors);
    return text;
}

std::string in_flight_text(const in_flight& now)
{
    return fmt::format("waiting for the drive: {} in flight, {} s after the end ({})\n",
        now.requests, now.seconds,
        now.may_not_end ? kernel_text()
                + " may crash when the process ends now, so signals do not "
                  "end it"
                        : "two signals, such as Ctrl-C, end it at once");
}

std::string summary_text(const bench_result& run)
{
    bench_interval all = run.total;
    const std::uint64_t errors = std::exchange(all.errors, 0); // printed at the end of the line
    all.latency = {}; // printed below, for each operation
    all.service_latency = {};
    const auto block_bytes = static_cast<std::uint32_t>(run.options.block_bytes);
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{} {} in {:.2f} s: {}, errors: {}\n", all.finished(),
        run.options.pattern().noun(), all.seconds, interval_text(all, block_bytes), errors);
    text += drive_lines(run);
    if (run.threads.size() > 1)
        text += sharing_text(all);
    const bool at_rate = run.options.rate_iops != 0;
    if (at_rate && all.iops() < kRateReached * run.options.rate_iops)
        fmt::format_to(out, "note: the rate was not reached: {} of {} IOPS\n",
            rate_text(all.iops()), rate_text(run.options.rate_iops));
    text += latencies_text(run, run.latencies(), at_rate ? " from when it was due" : "");
    text += latencies_text(run, run.service_latencies(), " from submit() on");
    text += cost_text(run);
    text += threads_text(run);
    return text + errors_text(run) + zeros_text(run);
}

std::string brief_text(const bench_result& run)
{
    const bench_interval& all = run.total;
    std::string text = fmt::format("IOPS={}, BW={}", rate_text(all.iops()),
        bandwidth_text(all.iops() * static_cast<double>(run.options.block_bytes)));
    auto out = std::back_inserter(text);
    if (all.latency.count != 0)
        fmt::format_to(out, ", p50={}, p99={}", duration_text(all.latency.p50_ns()),
            duration_text(all.latency.p99_ns()));
    if (all.errors != 0)
        fmt::format_to(out, ", errors={}", all.errors);
    if (run.cut_short)
        fmt::format_to(out, ", cut short after {:.2f} s", all.seconds);
    return text;
}

std::string errors_text(const bench_result& run)
{
    std::string text;
    for (const bench_drive& drive : run.drives)
        for (const error_count& kind : drive.errors)
            text += fmt::format("{}{} {} failed: {}\n", prefix_of(drive, run), kind.count,
                run.options.pattern().noun(), kind.status.text());
    return text;
}

} // namespace ngpoll::cli
