// SPDX-License-Identifier: MIT
#include "equivalent.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

/// A time in fio's form: whole seconds, or else milliseconds.
std::string fio_time(double seconds)
{
    if (seconds == std::floor(seconds))
        return fmt::format("{:.0f}", seconds);
    return fmt::format("{:.0f}ms", std::max(1.0, seconds * 1000));
}

/// The drive's path, or a placeholder for an emulated drive, because fio has none.
std::string device_name(const namespace_info& device)
{
    return device.emulated ? "/dev/ngXnY" : device.path;
}

bool is_for_t_io_uring(const bench_result& planned)
{
    const bench_options& o = planned.options;
    // Sequential threads of t/io_uring on one drive all read the same blocks. The threads of this
    // command start at different places.
    const bool as_it_reads
        = !o.pattern().writes() && (o.pattern().random || o.threads == planned.drives.size());
    return as_it_reads && o.law.zipf_theta == 0 && o.offset.is_zero() && !o.size && o.rate_iops == 0
        && o.warmup_seconds == 0 && o.blocks == 0 && o.mode() != poll_mode::hybrid;
}

std::string t_io_uring(const bench_options& o)
{
    return fmt::format("t/io_uring -b{} -d{} -c{} -s{} -p{:d} -F{:d} -B{:d} -R{:d} -X{:d} -t{:d} "
                       "-O1 -P{:d} -u1 -n{} -r{:.0f}",
        o.block_bytes, o.depth, o.complete_batch, o.submit_batch, o.polled, o.registered_file,
        o.fixed_buffers, o.pattern().random, o.registered_ring, o.latency, o.near_drive, o.threads,
        std::ceil(o.seconds)); // t/io_uring takes whole seconds
}

/// "--rate_iops=500". fio's value is for each job and each kind of I/O.
std::string fio_rate(const bench_options& o)
{
    const double each = o.rate_iops / o.threads;
    if (!o.pattern().mixed())
        return fmt::format(" --rate_iops={:.0f}", std::ceil(each));
    const double reads = each * o.reads_percent / 100;
    return fmt::format(" --rate_iops={:.0f},{:.0f}", std::max(1.0, std::ceil(reads)),
        std::max(1.0, std::ceil(each - reads)));
}

/// The options that differ by drive: the number of jobs, their range, and the device. The range is
/// in bytes, because fio takes percentages of a different total.
std::string fio_drive(const bench_options& o, const bench_drive& drive)
{
    const bench_geometry& on = drive.geometry;
    std::string line = fmt::format(" --numjobs={}", drive.threads());
    auto out = std::back_inserter(line);
    if (on.first_slba != 0)
        fmt::format_to(out, " --offset={}", on.first_slba * drive.device.lba_bytes);
    const std::uint64_t jobs = o.pattern().random ? 1 : drive.threads(); // that divide the range
    if (jobs > 1)
        fmt::format_to(out, " --offset_increment={}", on.positions / jobs * o.block_bytes);
    if (o.size || jobs > 1)
        fmt::format_to(out, " --size={}", on.positions / jobs * o.block_bytes);
    return line + " --filename=" + device_name(drive.device);
}

std::string fio(const bench_result& planned)
{
    const bench_options& o = planned.options;
    const access_pattern pattern = o.pattern();
    const bool zeroes = pattern.changes == operation::write_zeroes;
    std::string line = fmt::format("fio --name={} --ioengine=io_uring_cmd --cmd_type=nvme --rw={} "
                                   "--bs={} --iodepth={} --iodepth_batch_submit={} "
                                   "--iodepth_batch_complete_min={} --hipri={:d} --fixedbufs={:d} "
                                   "--registerfiles={:d} --thread=1 --group_reporting=1",
        planned.has_several_drives() ? "global" : "ngpoll", zeroes ? "write" : pattern.word,
        o.block_bytes, o.depth, o.submit_batch, o.complete_batch, o.polled, o.fixed_buffers,
        o.registered_file);
    auto out = std::back_inserter(line);
    if (!o.latency)
        line += " --gtod_reduce=1";
    if (zeroes)
        line += " --write_mode=zeroes";
    if (pattern.mixed())
        fmt::format_to(out, " --rwmixread={}", o.reads_percent);
    if (pattern.random)
        fmt::format_to(out, " --norandommap=1 --random_distribution={}", o.law.text());
    if (o.rate_iops != 0)
        line += fio_rate(o);
    if (o.warmup_seconds != 0)
        fmt::format_to(out, " --ramp_time={}", fio_time(o.warmup_seconds));
    if (o.blocks != 0)
        fmt::format_to(out, " --number_ios={}", o.blocks_of(0)); // fio's value is for each job
    if (o.seconds != 0 && o.blocks != 0)
        fmt::format_to(out, " --runtime={}", fio_time(o.seconds));
    else if (o.seconds != 0)
        fmt::format_to(out, " --time_based=1 --runtime={}", fio_time(o.seconds));
    for (std::size_t d = 0; d < planned.drives.size(); ++d) {
        if (planned.has_several_drives())
            fmt::format_to(out, " --name=drive{}", d);
        line += fio_drive(o, planned.drives[d]);
    }
    return line;
}

/// The first version of fio with an io_uring_cmd that can do this; empty: 3.33 can.
const char* fio_needed(const access_pattern& pattern)
{
    switch (pattern.changes.value_or(operation::read)) {
    case operation::trim: return " 3.35";
    case operation::write_zeroes: return " 3.38";
    default: return "";
    }
}

} // namespace

std::string equivalent_text(const bench_result& planned)
{
    const bench_options& o = planned.options;
    if (o.workers != 0 || o.work_ns != 0)
        return {}; // fio can do neither
    if (!is_for_t_io_uring(planned))
        return fmt::format("the same with fio{}: {}\n", fio_needed(o.pattern()), fio(planned));
    std::string line = t_io_uring(o);
    for (const bench_drive& drive : planned.drives)
        line += ' ' + device_name(drive.device);
    return fmt::format("the same with fio: {}\n", line);
}

} // namespace ngpoll::cli
