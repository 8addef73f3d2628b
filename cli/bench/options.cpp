// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../option_list.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kThreadsMax = 1024;
constexpr std::uint32_t kDepthMax = 32768; // of a kernel ring
constexpr std::size_t kPartsMax = 16;
constexpr std::uint64_t kRateMax = 1'000'000'000;

constexpr const char* kExamples = R"(Examples:
  ngpoll bench                         an emulated drive: what the engine itself can do
  ngpoll bench /dev/ng0n1              random reads of 4 KiB, depth 128, for ten seconds
  ngpoll bench -b512 -d128 -c32 -s32 -p1 -F1 -B1 -O0 -P1 -u1 -n1 /dev/ng0n1
                                       a line made for fio's t/io_uring
  ngpoll bench -n4 --compare shared,private /dev/ng0n1
                                       four threads on shared poll queues, then on their own
  ngpoll bench -r60 --json result.json /dev/ng0n1
                                       a minute, all results in a file

Exit status: 0; 1 when it ran and something failed; 2 when it could not run.
SIGINT, SIGTERM and SIGHUP end a run early, with all results of the time it had.)";

/// One of t/io_uring's switches that this command has only one value for.
struct foreign_switch {
    char letter;
    bool needed; ///< the one value that changes nothing here
    const char* why;
};

constexpr foreign_switch kForeign[] = {
    {'u', true, "ngpoll always uses NVMe passthrough; for the block path use t/io_uring"},
    {'a', false, "ngpoll has no legacy aio"},
    {'S', false, "ngpoll has no synchronous reads"},
    {'N', false, "ngpoll always sends reads, no no-ops; without DEVICE no drive is used"},
    {'D', false, "ngpoll does not map buffers for DMA in advance"},
    {'V', false, "ngpoll does not send vectored commands yet"},
};

/// Switches people paste from t/io_uring's command lines.
void add_foreign_switches(option_list& bench)
{
    bench.heading("Accepted for t/io_uring's command lines");
    for (const foreign_switch& foreign : kForeign) {
        const std::string name = std::string("-") + foreign.letter;
        bench.text(name,
            [foreign, name](const std::string& text) {
                if (parse_switch(name, text) != foreign.needed)
                    refuse_value(name, text, foreign.why);
            },
            {.type = "0|1",
                .default_text = "",
                .help = fmt::format("Only {} is taken", foreign.needed ? 1 : 0)});
    }
    // Direct I/O is the only kind a character device has, and NUMA placement is the scheduler's:
    // either value changes nothing. The TSC's rate matters only to latencies.
    for (const std::string name : {"-O", "-P"})
        bench.text(name,
            [name](const std::string& text) { static_cast<void>(parse_switch(name, text)); },
            {.type = "0|1", .default_text = "", .help = "No effect"});
    bench.text("-T",
        [](const std::string& text) {
            static_cast<void>(parse_count("-T", text, {.least = 1, .most = UINT64_MAX}));
        },
        {.type = "HZ", .default_text = "", .help = "No effect"});
}

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments)
{
    throw std::invalid_argument(fmt::format(text, std::forward<Arguments>(arguments)...));
}

role_policy parse_role(const std::string& word)
{
    if (const auto policy = role_policy_named(word))
        return *policy;
    if (word == "lease" || word == "give-up")
        refuse_value("--role", word, "it became waiter; give auto, resident or waiter");
    refuse_value("--role", word, "give auto, resident or waiter");
}

/// "50000", "50k" or "1m", powers of 1000 as rates are.
double parse_rate(const std::string& word)
{
    std::string digits = word;
    std::uint64_t unit = 1;
    for (const auto& [letters, factor] : {std::pair{"kK", 1000U}, std::pair{"mM", 1'000'000U}})
        if (!digits.empty() && std::strchr(letters, digits.back()) != nullptr) {
            digits.pop_back();
            unit = factor;
            break;
        }
    if (digits.empty())
        refuse_value("--rate", word, "give I/Os a second, such as 50000 or 50k");
    const std::uint64_t count
        = parse_count("--rate", digits, {.least = 1, .most = kRateMax / unit});
    return static_cast<double>(count * unit);
}

void add_results(option_list& bench, bench_options& options)
{
    struct result_option {
        const char* name;
        std::string bench_options::*path;
        const char* help;
    };
    constexpr result_option kFiles[] = {
        {"--json", &bench_options::json_path,
            "Write all results to FILE; - is standard output, and the text goes to standard error"},
        {"--csv", &bench_options::csv_path, "Write a line for each second to FILE"},
        {"--hgrm", &bench_options::hgrm_path,
            "Write how latency is distributed to FILE, as HdrHistogram's plotters read it"},
    };
    bench.heading("Results");
    for (const result_option& file : kFiles)
        bench.text(file.name,
            [&options, file](const std::string& path) {
                if (path.empty())
                    refuse_value(file.name, path, "give a file, or - for standard output");
                options.*file.path = path;
            },
            {.type = "FILE", .default_text = "", .help = file.help});
}

/// The poll_queue refuses a single ring that is too deep; here it is the product that is.
void check_product(const bench_options& options, std::uint32_t threads, std::uint32_t limit,
    std::string_view whose, std::string_view other_way = "")
{
    const std::uint64_t together = std::uint64_t{options.depth} * threads;
    if (together <= limit || threads < 2)
        return;
    refuse("{} threads of depth {} make {}, above the {} {}; give {} or less{}", threads,
        options.depth, together, limit, whose,
        limit < threads ? fmt::format("-n{}", limit) : fmt::format("-d{}", limit / threads),
        other_way);
}

void check_depth(
    const bench_options& options, const namespace_info& device, const placement& layout)
{
    for (std::uint32_t q = 0; q < layout.queues; ++q)
        check_product(options, layout.threads_on(q), kDepthMax, "that one poll queue holds",
            ", or --queues private");
    // By interrupt nothing is counted, and an emulated queue pair has no other's tags.
    if (!options.polled || device.emulated || device.queue_depth_max == 0)
        return;
    std::map<std::optional<std::size_t>, std::uint32_t> threads; // on each hardware queue
    for (const placement::seat& seat : layout.seats)
        ++threads[seat.hardware];
    for (const auto& [hardware, count] : threads)
        check_product(
            options, count, device.queue_depth_max, "tags of the hardware queue that they poll");
}

void add_load_options(option_list& bench, bench_options& options)
{
    bench.heading("The load");
    bench.bytes("-b,--block-size", options.block_bytes, "Bytes per read");
    bench.count("-d,--depth", options.depth, {.most = kDepthMax}, "Reads in flight per thread");
    bench.count("-s,--submit-batch", options.submit_batch, {}, "Most reads per submission");
    bench.count("-c,--complete-batch", options.complete_batch, {}, "Completions to wait for");
    bench.count("-n,--threads", options.threads, {.most = kThreadsMax}, "Threads");
    bench.seconds("-r,--runtime", options.seconds, "How long to read; 0 reads until a signal");
    bench.toggle("-R,--random", options.random, "Random blocks; 0 reads in sequence");
    bench.text("--rate",
        [&options](const std::string& word) { options.rate_iops = parse_rate(word); },
        {.type = "IOPS",
            .default_text = "",
            .help = "I/Os a second, of all threads together; latency then counts from the time "
                    "each one was due"});
    bench.seconds("--warmup", options.warmup_seconds, "How long to run before the figures begin");
    bench.toggle("-t,--latency", options.latency, "Time each I/O; 0 costs nothing");
}

void add_ring_options(option_list& bench, bench_options& options)
{
    bench.heading("How it is done");
    bench.toggle("-p,--polled", options.polled, "Poll; 0 waits for interrupts");
    bench.flag("--hybrid", options.hybrid, "Sleep part of the time, then poll (Linux 6.13)");
    bench.toggle("-B,--fixed-buffers", options.fixed_buffers, "Register the buffers");
    bench.toggle("-H,--huge-pages", options.huge_pages, "Huge pages for large buffer pools");
    bench.toggle("-F,--registered-file", options.registered_file, "Register the device");
    bench.toggle("-X,--registered-ring", options.registered_ring, "Register the ring");
    bench.text("--queues", [&options](const std::string& word) { options.queues = word; },
        {.type = "N|private|auto",
            .default_text = "auto",
            .help = "Poll queues the threads share: N, one each, or one for each of the drive's"});
    bench.text("--role", [&options](const std::string& word) { options.role = parse_role(word); },
        {.type = "auto|resident|waiter",
            .default_text = "auto",
            .help = "Who polls a shared queue: a thread that does nothing else (resident), or a "
                    "thread that waits (waiter)"});
    bench.text("--compare", [&options](const std::string& words) { options.compare = words; },
        {.type = "LIST",
            .default_text = "",
            .help = "Run with each of these --queues in turn, and compare: shared,private"});
    bench.flag("--force", options.force,
        "Do what the kernel may crash on: poll a drive from several rings (up to 6.4, or with an "
        "I/O scheduler), or poll one that is not on PCIe");
}

} // namespace

void add_options(option_list& bench, bench_options& options)
{
    bench.arguments("DEVICE", options.devices,
        "/dev/ngXnY, or an emulated drive, emu:size=1G,lba=512,queues=1024,latency=0 with any of "
        "these settings (latency=1us-2ms draws each one's between the two, unreadable=FIRST-LAST "
        "fails reads of these LBAs); without DEVICE, emu:");
    add_load_options(bench, options);
    add_ring_options(bench, options);
    add_results(bench, options);
    add_foreign_switches(bench);
    bench.footer(kExamples);
}

void check_options(const bench_options& options)
{
    if (options.devices.size() > 1)
        refuse("{}: give one DEVICE", fmt::join(options.devices, " "));
    if (options.compare && !options.queues.empty())
        refuse("--compare says what --queues is in each part; leave --queues out");
    if (!options.hgrm_path.empty() && !options.latency)
        refuse("--hgrm with -t0: no latency is measured; leave one of them out");
    if (!options.hgrm_path.empty() && options.compare)
        refuse("--hgrm with --compare: the file holds one distribution; leave --compare out, or "
               "give --json, which holds each part's");
    if (options.compare && options.seconds == 0)
        refuse("-r0: the first part of --compare would never end; give seconds");
}

std::vector<queue_choice> parts_of(const bench_options& options)
{
    if (!options.compare)
        return {queue_choice::parse("--queues", options.queues.empty() ? "auto" : options.queues)};
    std::vector<queue_choice> parts;
    std::string_view rest = *options.compare;
    while (parts.size() <= kPartsMax) {
        const std::size_t comma = rest.find(',');
        parts.push_back(queue_choice::parse("--compare", rest.substr(0, comma)));
        if (comma == std::string_view::npos)
            break;
        rest.remove_prefix(comma + 1);
    }
    if (parts.size() < 2 || parts.size() > kPartsMax)
        refuse("--compare {}: give 2 to {} parts, for example shared,private", *options.compare,
            kPartsMax);
    return parts;
}

bench_geometry plan(
    const bench_options& options, const namespace_info& device, const placement& layout)
{
    const std::uint64_t bytes = options.block_bytes;
    if (bytes == 0 || bytes % device.lba_bytes != 0)
        refuse("-b{}: {} has logical blocks of {} bytes; give a multiple of that", bytes,
            device.path, device.lba_bytes);
    const std::uint64_t blocks = bytes / device.lba_bytes;
    const std::uint64_t transfer = blocks * device.block_bytes();
    if (device.transfer_bytes_max != 0 && transfer > device.transfer_bytes_max)
        refuse("-b{}: {} moves at most {} bytes with one command (MDTS); give {} or less", bytes,
            device.path, device.transfer_bytes_max, device.transfer_bytes_max);
    if (blocks > 65536)
        refuse("-b{}: one command reads at most 65536 logical blocks, {} bytes", bytes,
            std::uint64_t{65536} * device.lba_bytes);
    if (blocks > device.capacity_blocks)
        refuse("-b{}: {} holds only {} bytes", bytes, device.path,
            device.capacity_blocks * device.lba_bytes);

    bench_geometry geometry;
    geometry.blocks_per_io = static_cast<std::uint32_t>(blocks);
    geometry.transfer_bytes = static_cast<std::uint32_t>(transfer);
    geometry.positions = device.capacity_blocks / blocks;
    check_depth(options, device, layout);
    return geometry;
}

} // namespace ngpoll::cli
