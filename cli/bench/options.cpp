// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kThreadsMax = 1024;
constexpr std::size_t kPartsMax = 16;

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
    {'t', false, "ngpoll does not track latencies yet"},
    {'D', false, "ngpoll does not map buffers for DMA in advance"},
    {'V', false, "ngpoll does not send vectored commands yet"},
};

CLI::Option* add_switch(CLI::App& bench, const std::string& names, bool& value, const char* help)
{
    return bench.add_option(names, value, help)->type_name("0|1")->capture_default_str();
}

/// Switches people paste from t/io_uring's command lines.
void add_foreign_switches(CLI::App& bench)
{
    for (const foreign_switch& foreign : kForeign) {
        bench
            .add_option_function<bool>(
                std::string("-") + foreign.letter,
                [foreign](const bool& given) {
                    if (given != foreign.needed)
                        throw CLI::ValidationError(
                            fmt::format("-{}{}: {}", foreign.letter, given ? 1 : 0, foreign.why));
                },
                fmt::format("t/io_uring's; only {} is taken", foreign.needed ? 1 : 0))
            ->type_name("0|1")
            ->group("Accepted for t/io_uring's command lines");
    }
    // Direct I/O is the only kind a character device has, NUMA placement is the scheduler's, and
    // the TSC's rate matters only to latencies: either value changes nothing.
    for (const char* name : {"-O", "-P", "-T"})
        bench
            .add_option_function<std::string>(
                name, [](const std::string&) {}, "no effect")
            ->group("Accepted for t/io_uring's command lines");
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
        throw CLI::ValidationError(
            fmt::format("--role {}: it became waiter; give auto, resident or waiter", word));
    throw CLI::ValidationError(fmt::format("--role {}: give auto, resident or waiter", word));
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
    constexpr std::uint32_t kRingEntriesMax = 32768;
    for (std::uint32_t q = 0; q < layout.queues; ++q)
        check_product(options, layout.threads_on(q), kRingEntriesMax, "that one poll queue holds",
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

} // namespace

void add_options(CLI::App& bench, bench_options& options)
{
    // The last one of each counts, as with t/io_uring; of devices there is one.
    bench.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    bench
        .add_option("DEVICE", options.device,
            "/dev/ngXnY, or emu:size=1G,lba=512,queues=1,latency=0; without it, an emulated drive")
        ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    bench.add_option("-b,--block-size", options.block_bytes, "Bytes per read")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    bench.add_option("-d,--depth", options.depth, "Reads in flight per thread")
        ->capture_default_str();
    bench.add_option("-s,--submit-batch", options.submit_batch, "Most reads per submission")
        ->capture_default_str();
    bench.add_option("-c,--complete-batch", options.complete_batch, "Completions to wait for")
        ->capture_default_str();
    bench.add_option("-n,--threads", options.threads, "Threads")->capture_default_str();
    bench.add_option("-r,--runtime", options.seconds, "Seconds; 0 runs until a signal")
        ->capture_default_str();
    add_switch(bench, "-p,--polled", options.polled, "Poll; 0 waits for interrupts");
    bench.add_flag("--hybrid", options.hybrid, "Sleep part of the time, then poll (Linux 6.13)");
    add_switch(bench, "-B,--fixed-buffers", options.fixed_buffers, "Register the buffers");
    add_switch(bench, "-H,--huge-pages", options.huge_pages, "Huge pages for large buffer pools");
    add_switch(bench, "-F,--registered-file", options.registered_file, "Register the device");
    add_switch(bench, "-X,--registered-ring", options.registered_ring, "Register the ring");
    add_switch(bench, "-R,--random", options.random, "Random blocks; 0 reads in sequence");
    const CLI::Option& queues
        = *bench
               .add_option("--queues", options.queues,
                   "Poll queues the threads share: N, one each, or one for each of the drive's")
               ->type_name("N|private|auto")
               ->capture_default_str();
    bench
        .add_option_function<std::string>(
            "--role", [&options](const std::string& word) { options.role = parse_role(word); },
            "Who polls a shared queue: a thread that does nothing else (resident), or a thread "
            "that waits (waiter)")
        ->type_name("auto|resident|waiter")
        ->default_str("auto");
    const CLI::Option& compare
        = *bench
               .add_option("--compare", options.compare,
                   "Run with each of these --queues in turn, and compare: shared,private")
               ->type_name("LIST");
    bench.add_flag("--force", options.force,
        "Do what the kernel may crash on: poll a drive from several rings (up to 6.4, or with an "
        "I/O scheduler), or poll one that is not on PCIe");
    bench.parse_complete_callback([&queues, &compare] {
        if (queues.count() != 0 && compare.count() != 0)
            throw CLI::ValidationError(
                "--compare says what --queues is in each part; leave --queues out");
    });
    bench
        .add_option("--json", options.json_path,
            "Write all results to FILE; - is standard output, and the text goes to standard error")
        ->type_name("FILE")
        ->check([](const std::string& path) {
            return std::string(path.empty() ? "give a file, or - for standard output" : "");
        });
    add_foreign_switches(bench);
}

void check_counts(const bench_options& options)
{
    if (options.threads == 0 || options.threads > kThreadsMax)
        refuse("-n{}: give 1 to {} threads", options.threads, kThreadsMax);
    if (options.depth == 0)
        refuse("-d0: at least one read must be in flight; give 1 or more");
    if (options.submit_batch == 0)
        refuse("-s0: nothing would ever be submitted; give 1 or more");
    if (options.complete_batch == 0)
        refuse("-c0: give 1 or more completions to wait for");
    if (!(options.seconds >= 0))
        refuse("-r{}: give seconds, or 0 for no end", options.seconds);
    if (options.compare && options.seconds == 0)
        refuse("-r0: the first part of --compare would never end; give seconds");
}

std::vector<queue_choice> parts_of(const bench_options& options)
{
    if (!options.compare)
        return {queue_choice::parse("--queues", options.queues)};
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
    check_counts(options);
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
