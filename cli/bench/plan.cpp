// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ngpoll::cli {

namespace {

constexpr std::size_t kPartsMax = 16;
constexpr std::size_t kDrivesMax = 256;
constexpr std::uint32_t kRangeBufferBytes = 512; ///< for a command that carries no blocks

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments)
{
    throw std::invalid_argument(fmt::format(text, std::forward<Arguments>(arguments)...));
}

/// Refuses threads that are too deep together. The poll_queue itself refuses a single ring that is
/// too deep.
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
    if (options.workers != 0)
        return; // the depth of the group is that of its poll queue, which checks it
    for (std::uint32_t q = 0; q < layout.queues; ++q)
        check_product(options, layout.threads_on(q), kRingDepthMax, "that one poll queue holds",
            ", or --queues private");
    // The tags are counted only for polling. Emulated queue pairs do not share tags.
    if (!options.polled || device.emulated || device.queue_depth_max == 0)
        return;
    std::map<std::optional<std::size_t>, std::uint32_t> threads; // on each hardware queue
    for (const placement::seat& seat : layout.seats)
        ++threads[seat.hardware];
    for (const auto& [hardware, count] : threads)
        check_product(
            options, count, device.queue_depth_max, "tags of the hardware queue that they poll");
}

/// Checks -b.
std::uint32_t blocks_per_io(const bench_options& options, const namespace_info& device)
{
    const std::uint64_t bytes = options.block_bytes;
    const access_pattern pattern = options.pattern();
    if (bytes == 0 || bytes % device.lba_bytes != 0)
        refuse("-b{}: {} has logical blocks of {} bytes; give a multiple of that", bytes,
            device.path, device.lba_bytes);
    const std::uint64_t blocks = bytes / device.lba_bytes;
    if (pattern.moves_data() && device.transfer_bytes_max != 0
        && blocks > device.transfer_bytes_max / device.block_bytes())
        refuse("-b{}: {} moves at most {} bytes with one command (MDTS); give {} or less", bytes,
            device.path, device.transfer_bytes_max, device.transfer_bytes_max);
    if (blocks > 65536)
        refuse("-b{}: one command is for at most 65536 logical blocks, {} bytes", bytes,
            std::uint64_t{65536} * device.lba_bytes);
    if (blocks > device.capacity_blocks)
        refuse("-b{}: {} holds only {} bytes", bytes, device.path,
            device.capacity_blocks * device.lba_bytes);
    return static_cast<std::uint32_t>(blocks);
}

/// Checks --offset and --size.
void choose_range(
    bench_geometry& geometry, const bench_options& options, const namespace_info& device)
{
    const std::uint64_t drive = device.capacity_blocks * device.lba_bytes;
    const std::uint64_t io = std::uint64_t{geometry.blocks_per_io} * device.lba_bytes;
    std::uint64_t offset = options.offset.of(drive);
    if (options.offset.percent)
        offset -= offset % io;
    if (offset % device.lba_bytes != 0)
        refuse("--offset {}: {} has logical blocks of {} bytes; give a multiple of that",
            options.offset.text(), device.path, device.lba_bytes);
    if (offset > drive - io)
        refuse("--offset {}: {} has {} bytes; give {} or less, so that one I/O of {} bytes fits",
            options.offset.text(), device.path, drive, drive - io, io);
    const std::uint64_t size = options.size ? options.size->of(drive) : drive - offset;
    if (size < io)
        refuse("--size {}: not one I/O of {} bytes (-b) fits; give {} or more",
            options.size->text(), io, io);
    if (size > drive - offset)
        refuse("--size {}: {} has {} bytes from the offset on; give that or less",
            options.size->text(), device.path, drive - offset);
    geometry.first_slba = offset / device.lba_bytes;
    geometry.positions = size / io;
}

void check_sweep(const bench_options& options)
{
    if (options.compare)
        refuse("--sweep with --compare: leave --compare out, and give --sweep queues={}",
            *options.compare);
    if (options.is_endless())
        refuse("-r0: the first run of --sweep would never end; give seconds");
    if (!options.hgrm_path.empty())
        refuse("--hgrm with --sweep: the file holds one distribution; leave --sweep out, or give "
               "--json, which holds each run's percentiles");
}

void check_find(const bench_options& options)
{
    if (options.rate_iops != 0)
        refuse("--find with --rate: --find chooses the rates; leave --rate out");
    if (!options.latency)
        refuse("--find with -t0: no latency is measured; leave one of them out");
    if (!options.sweeps.empty() || options.compare || options.repeat > 1)
        refuse("--find with {}: one --find makes one search; run it once for each",
            options.compare              ? "--compare"
                : options.sweeps.empty() ? "--repeat"
                                         : "--sweep");
    if (options.seconds == 0)
        refuse("-r0: the first step of --find would never end; give seconds");
    if (!options.hgrm_path.empty())
        refuse("--hgrm with --find: the file holds one distribution; run the rate that is found "
               "with --rate and --hgrm");
}

/// Whether --compare has the part.
bool compares(const bench_options& options, std::string_view part)
{
    const std::string parts = "," + options.compare.value_or("") + ",";
    return parts.find(fmt::format(",{},", part)) != std::string::npos;
}

void check_blocks_and_work(const bench_options& options)
{
    if (options.blocks != 0 && (options.rate_iops != 0 || options.find))
        refuse("--blocks with {}: such a run ends after a time; leave --blocks out, and give -r",
            options.find ? "--find" : "--rate");
    if (options.blocks != 0 && options.warmup_seconds != 0)
        refuse("--blocks with --warmup: it is unclear which blocks count; leave one of them out");
    if (!options.slow)
        return;
    if (options.work_ns == 0)
        refuse("--slow-worker without --work: there is no work to make longer; give --work, too");
    const std::uint32_t threads = options.workers != 0 ? options.workers : options.threads;
    if (options.slow->index >= threads)
        refuse("--slow-worker {}: threads are numbered from 0; give {} or less",
            options.slow->index, threads - 1);
}

void check_workers(const bench_options& options)
{
    if (options.workers == 0 && (compares(options, "rings") || compares(options, "workers")))
        refuse("--compare {}: say how many workers there are: --workers 4", *options.compare);
    if (options.workers == 0)
        return;
    if (options.threads != 1 && options.threads != options.workers)
        refuse("--workers {} with -n{}: the workers are the threads; leave -n out", options.workers,
            options.threads);
    if (options.devices.size() > 1)
        refuse(
            "--workers with {} drives: a group is on one drive; give one", options.devices.size());
    if (!options.queues.empty())
        refuse("--workers with --queues: a group is on one poll queue; leave --queues out, or "
               "compare: --compare {},workers",
            options.queues);
    if (options.hybrid)
        refuse("--workers with --hybrid: a group needs a poll queue that is polled all the time, "
               "or interrupts (-p0); leave --hybrid out");
    if (options.rate_iops != 0 || options.find)
        refuse("--workers with {}: no worker submits by the clock; leave one of them out",
            options.find ? "--find" : "--rate");
    if (options.compare && !compares(options, "workers"))
        refuse("--workers with --compare {}: no part of it uses the workers; give, for "
               "example, --compare rings,workers",
            *options.compare);
    if (options.compare && options.depth % options.workers != 0)
        refuse("-d{}: beside {} workers each ring has an equal part of the depth; give a multiple "
               "of {}",
            options.depth, options.workers, options.workers);
}

} // namespace

void check_options(const bench_options& options)
{
    if (options.devices.size() > kDrivesMax)
        refuse("{} drives: give {} or fewer", options.devices.size(), kDrivesMax);
    if (options.rw && options.random && options.rw->random != *options.random)
        refuse("-R{} --rw {}: one says random, the other in sequence; leave -R out",
            *options.random ? 1 : 0, options.rw->word);
    if (options.compare && !options.queues.empty())
        refuse("--compare says what --queues is in each part; leave --queues out");
    if (!options.hgrm_path.empty() && !options.latency)
        refuse("--hgrm with -t0: no latency is measured; leave one of them out");
    if (!options.hgrm_path.empty() && options.compare)
        refuse("--hgrm with --compare: the file holds one distribution; leave --compare out, or "
               "give --json, which holds each part's");
    if (options.compare && options.is_endless())
        refuse("-r0: the first part of --compare would never end; give seconds");
    check_blocks_and_work(options);
    check_workers(options);
    if (options.find)
        check_find(options);
    if (!options.sweeps.empty())
        check_sweep(options);
    if (options.repeat > 1 && options.is_endless())
        refuse("-r0: the first run of --repeat {} would never end; give seconds", options.repeat);
    if (!options.hgrm_path.empty() && options.repeat > 1)
        refuse("--hgrm with --repeat: the file holds one distribution; leave --repeat out, or give "
               "--json, which holds each run's percentiles");
}

std::vector<queue_choice> parts_of(const bench_options& options)
{
    if (!options.compare && options.workers != 0)
        return {queue_choice::parse("--compare", "workers")};
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

bench_options options_of(const bench_options& options, const queue_choice& part)
{
    bench_options its = options;
    if (options.workers == 0 || part.what == queue_choice::kind::workers)
        return its;
    its.beside_workers = true;
    its.depth = options.depth / options.workers;
    its.workers = 0;
    return its;
}

bench_geometry plan(
    const bench_options& options, const namespace_info& device, const placement& layout)
{
    bench_geometry geometry;
    geometry.blocks_per_io = blocks_per_io(options, device);
    geometry.transfer_bytes = options.pattern().moves_data()
        ? geometry.blocks_per_io * device.block_bytes()
        : kRangeBufferBytes;
    choose_range(geometry, options, device);
    check_depth(options, device, layout);
    return geometry;
}

tick_source clock_of(const bench_options& options)
{
    if (!options.latency)
        return tick_source::none;
    // At a rate it must be the clock that says when an I/O is due.
    return options.rate_iops != 0 ? tick_source::system : best_tick_source();
}

} // namespace ngpoll::cli
