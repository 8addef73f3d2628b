// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/drive_use.hpp>

#include "../command_line.hpp"
#include "../option_list.hpp"
#include "stamp.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::uint32_t kThreadsMax = 1024;
constexpr std::uint32_t kDepthMax = 32768;
constexpr std::uint64_t kBlockBytesDefault = 4096;

constexpr const char* kExamples = R"(Examples:
  ngpoll verify                        an emulated drive, to see what the output looks like
  ngpoll verify --write SERIAL:NSID /dev/ng0n1
                                       writes the whole drive and reads it back
  ngpoll verify --write SERIAL:NSID --size 1g -n4 -r60 /dev/ng0n1
                                       writes its first GiB again and again for a minute
  ngpoll verify --write SERIAL:NSID --state drive.state /dev/ng0n1
                                       can be repeated after a kill, and then goes on
  ngpoll verify --check --state drive.state /dev/ng0n1
                                       only reads, and checks that all is still there

verify destroys the data in the range that it writes. It puts nothing back.
Each logical block gets a stamp with its address, its generation and a checksum. A block that reads
back wrong is misplaced (it is the block of another address), stale (an older generation), missing
(no block of this address at all), corrupt, or unreadable.

A write counts as acknowledged when the drive has completed it and, with --state, its record is in
the file. The list of acknowledged writes survives:
  without --state   nothing. A run checks what it has written itself. A later --check finds damaged
                    and misplaced blocks, but cannot know which generation should be there
  with --state      a kill of the process, also by SIGKILL. It does not survive a loss of power: the
                    drive and the system may both hold the last seconds in volatile memory only
  and --durable     a loss of power. Each write has FUA set, and counts once its record is synced.
                    FILE must be on another drive, which keeps what is synced

Exit status: 0; 1 when it ran and a block was wrong or something failed; 2 when it could not run.
A first SIGINT, SIGTERM or SIGHUP ends the writing; the run then reads back what it wrote. A second
one ends the process. The first one ends --check, with status 1.)";

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments)
{
    throw std::invalid_argument(fmt::format(text, std::forward<Arguments>(arguments)...));
}

role_policy parse_role(const std::string& word)
{
    const auto policy = role_policy_named(word);
    if (!policy)
        refuse_value("--role", word, "give auto, resident or waiter");
    return *policy;
}

void add_safety_options(option_list& verify, verify_options& options)
{
    verify.heading("What it may do");
    verify.text("--write", [&options](const std::string& name) { options.write_name = name; },
        {.type = "SERIAL:NSID",
            .default_text = "",
            .help = "Write to the drive with this name in 'ngpoll list'; its data are lost"});
    verify.flag("--check", options.check, "Write nothing; read what an earlier run left");
    verify.text("--state",
        [&options](const std::string& path) {
            if (path.empty())
                refuse_value("--state", path, "give a file");
            options.state_path = path;
        },
        {.type = "FILE",
            .default_text = "",
            .help = "Keep the acknowledged writes in FILE. If FILE exists, first check that the "
                    "drive has all of them"});
    verify.flag("--durable", options.durable,
        "Acknowledge a write only when it survives a loss of power (FUA, and a sync of FILE)");
    verify.flag("--force", options.force,
        "Write even if ngpoll cannot tell whether the drive is in use; and poll where the kernel "
        "may crash");
}

void add_load_options(option_list& verify, verify_options& options)
{
    verify.heading("The load");
    verify.text("-b,--bs,--block-size",
        [&options](const std::string& text) { options.block_bytes = parse_bytes("-b", text); },
        {.type = "SIZE",
            .default_text = fmt::format("{}", kBlockBytesDefault),
            .help = "Bytes per I/O"});
    verify.text("--offset",
        [&options](
            const std::string& word) { options.offset = drive_share::parse("--offset", word); },
        {.type = "SIZE|P%", .default_text = "0", .help = "Where on the drive the range begins"});
    verify.text("--size",
        [&options](const std::string& word) { options.size = drive_share::parse("--size", word); },
        {.type = "SIZE|P%",
            .default_text = "",
            .help = "Length of the range; without it, up to the end of the drive"});
    verify.text("-d,--depth,--iodepth",
        [&options](const std::string& text) {
            options.depth
                = static_cast<std::uint32_t>(parse_count("-d", text, {.most = kDepthMax}));
        },
        {.type = "N",
            .default_text = "128",
            .help = "I/Os in flight per thread; the default is lower if the drive takes fewer"});
    verify.count("-n,--threads,--numjobs", options.threads, {.most = kThreadsMax}, "Threads");
    verify.text("-r,--runtime",
        [&options](const std::string& text) { options.seconds = parse_seconds("-r", text); },
        {.type = "SECONDS",
            .default_text = "",
            .help = "How long to write, in as many passes as fit; 0: until a signal. Without it, "
                    "one pass. Reading back takes extra time"});
    verify.toggle("-R,--random", options.random, "In random order; 0: in sequence");
    verify.toggle("-p,--polled", options.polled, "Poll; 0 waits for interrupts");
    verify.text("--queues", [&options](const std::string& word) { options.queues = word; },
        {.type = "N|private|auto",
            .default_text = "auto",
            .help = "Poll queues for the threads: N in all, one for each thread (private), or one "
                    "for each poll queue of the drive (auto)"});
    verify.text("--role", [&options](const std::string& word) { options.role = parse_role(word); },
        {.type = "auto|resident|waiter",
            .default_text = "auto",
            .help = "The poller of a shared queue: a thread that does nothing else (resident), or "
                    "a thread that waits (waiter)"});
}

std::uint64_t random_number()
{
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

/// Checks the bytes of an I/O against the drive.
std::uint32_t checked_block_bytes(std::uint64_t bytes, const namespace_info& device)
{
    if (bytes == 0 || bytes % device.lba_bytes != 0)
        refuse("-b{}: {} has logical blocks of {} bytes; give a multiple of that", bytes,
            device.path, device.lba_bytes);
    const std::uint64_t blocks = bytes / device.lba_bytes;
    if (device.transfer_bytes_max != 0 && blocks > device.transfer_bytes_max / device.block_bytes())
        refuse("-b{}: {} moves at most {} bytes with one command (MDTS); give {} or less", bytes,
            device.path, device.transfer_bytes_max, device.transfer_bytes_max);
    // A command counts its blocks in 16 bits, and its bytes in 32.
    const std::uint64_t blocks_max
        = std::min<std::uint64_t>(65536, UINT32_MAX / device.block_bytes());
    if (blocks > blocks_max)
        refuse("-b{}: one command moves at most {} logical blocks, {} bytes; give that or less",
            bytes, blocks_max, blocks_max * device.lba_bytes);
    return static_cast<std::uint32_t>(bytes);
}

void check_drive(const namespace_info& device)
{
    if (device.lba_bytes < stamper::kBlockBytesMin)
        refuse("{} has logical blocks of {} bytes; a stamp needs {} or more", device.path,
            device.lba_bytes, stamper::kBlockBytesMin);
    if (device.metadata_bytes != 0 && !device.metadata_interleaved)
        refuse("{} has metadata in a separate buffer, which ngpoll verify does not write; give a "
               "drive with an LBA format without metadata",
            device.path);
}

/// Where the range begins and how long it is, in bytes.
struct byte_range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

byte_range bytes_of(
    const verify_options& options, const namespace_info& device, std::uint32_t block_bytes)
{
    const std::uint64_t drive = device.capacity_blocks * device.lba_bytes;
    const drive_share offset = options.offset.value_or(drive_share{});
    byte_range range{.offset = offset.of(drive)};
    if (offset.percent)
        range.offset -= range.offset % block_bytes;
    if (range.offset % device.lba_bytes != 0)
        refuse("--offset {}: {} has logical blocks of {} bytes; give a multiple of that",
            offset.text(), device.path, device.lba_bytes);
    if (drive < block_bytes || range.offset > drive - block_bytes)
        refuse("--offset {}: {} has {} bytes; one I/O of {} bytes (-b) does not fit", offset.text(),
            device.path, drive, block_bytes);
    range.size = options.size ? options.size->of(drive) : drive - range.offset;
    if (range.size < block_bytes)
        refuse("--size {}: not one I/O of {} bytes (-b) fits; give {} or more",
            options.size->text(), block_bytes, block_bytes);
    if (range.size > drive - range.offset)
        refuse("--size {}: {} has {} bytes from the offset on; give that or less",
            options.size->text(), device.path, drive - range.offset);
    return range;
}

/// Refuses options that differ from those of the earlier run. Options may be left out.
void check_same(
    const verify_options& options, const namespace_info& device, const verified_range& before)
{
    if (options.block_bytes && *options.block_bytes != before.block_bytes)
        refuse("-b{}: the run of --state {} had -b{}; leave -b out, or give another file",
            *options.block_bytes, options.state_path, before.block_bytes);
    if (!options.offset && !options.size)
        return;
    const byte_range given = bytes_of(options, device, before.block_bytes);
    if (given.offset / before.lba_bytes != before.first_lba
        || given.size / before.block_bytes != before.positions)
        refuse("--offset and --size: the run of --state {} had --offset {} --size {}; leave them "
               "out, or give another file",
            options.state_path, before.first_lba * before.lba_bytes,
            before.positions * before.block_bytes);
}

} // namespace

void add_options(option_list& verify, verify_options& options)
{
    verify.arguments("DEVICE", options.devices,
        "/dev/ngXnY, or an emulated drive, emu:size=1G,lba=512; without DEVICE, emu:");
    add_safety_options(verify, options);
    add_load_options(verify, options);
    verify.heading("Results");
    verify.text("--json",
        [&options](const std::string& path) {
            if (path.empty())
                refuse_value("--json", path, "give a file, or - for standard output");
            options.json_path = path;
        },
        {.type = "FILE",
            .default_text = "",
            .help = "Write all results to FILE; - is standard output, and the text goes to "
                    "standard error"});
    verify.footer(kExamples);
}

void check_options(const verify_options& options)
{
    if (options.devices.size() > 1)
        refuse("{}: give one DEVICE", fmt::join(options.devices, " "));
    if (options.check && !options.write_name.empty())
        refuse("--check only reads; leave --write out, or --check");
    if (options.check && options.seconds)
        refuse("--check reads the range once; leave -r out");
    if (options.durable && options.state_path.empty())
        refuse("--durable lets --state survive a loss of power; give --state FILE, too");
}

verified_range range_of(const verify_options& options, const namespace_info& device,
    const std::optional<written_state>& before)
{
    constexpr std::uint32_t kGenerationMax = UINT32_MAX / 2; ///< the run needs some above it
    check_drive(device);
    const std::string drive = serial_and_nsid(device);
    if (before) {
        const verified_range& range = before->range;
        if (range.drive != drive || range.lba_bytes != device.lba_bytes
            || range.first_lba + range.positions * (range.block_bytes / range.lba_bytes)
                > device.capacity_blocks)
            refuse("--state {}: is about another drive, or {} was formatted since; give another "
                   "file",
                options.state_path, device.path);
        check_same(options, device, range);
        checked_block_bytes(range.block_bytes, device); // another controller may allow less
        if (!options.check && before->generation_max > kGenerationMax)
            refuse("--state {}: has no generations left; give another file", options.state_path);
        return range;
    }
    const std::uint32_t block_bytes
        = checked_block_bytes(options.block_bytes.value_or(kBlockBytesDefault), device);
    const byte_range bytes = bytes_of(options, device, block_bytes);
    return {.drive = drive,
        .run = random_number(),
        .first_lba = bytes.offset / device.lba_bytes,
        .positions = bytes.size / block_bytes,
        .lba_bytes = device.lba_bytes,
        .block_bytes = block_bytes};
}

} // namespace ngpoll::cli
