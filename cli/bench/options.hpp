// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue.hpp>

#include "placement.hpp"
#include "workload.hpp"

namespace ngpoll::cli {

class option_list;

inline constexpr std::uint32_t kRingDepthMax = 32768; ///< of a kernel ring
inline constexpr std::uint32_t kRepeatMax = 100; ///< as many as `ngpoll report` looks at

/// An option of which --sweep tries several values.
struct sweep_axis {
    std::string key; ///< "d", "rate": its letter, or else its name
    std::vector<std::string> values; ///< as they were given
};

/// A latency that --find keeps.
struct latency_goal {
    std::string figure; ///< its name in JSON: "p99_9", "mean"
    double limit_ns = 0;
};

/// The thread of --slow-worker.
struct slow_thread {
    std::uint32_t index = 0;
    std::uint32_t factor = 1; ///< of the work that the others have
};

/// What `ngpoll bench` was asked to do. Letters and defaults are those of fio's t/io_uring, but for
/// the run time, which ends here unless 0 is given.
struct bench_options {
    std::vector<std::string> devices; ///< empty: an emulated drive
    std::uint64_t block_bytes = 4096;
    std::uint32_t depth = 128; ///< of each thread, or of the workers' group
    std::uint32_t submit_batch = 32;
    std::uint32_t complete_batch = 32;
    std::uint32_t threads = 1; ///< of all drives together, dealt out to them
    bool polled = true;
    bool hybrid = false;
    bool fixed_buffers = true;
    bool huge_pages = true;
    bool registered_file = true;
    bool registered_ring = true;
    bool latency = true; ///< time each I/O
    bool near_drive = true; ///< keep to the processors of the drive's NUMA node
    double rate_iops = 0; ///< of all threads together; 0: as fast as it goes
    double warmup_seconds = 0; ///< before the figures begin
    std::uint32_t repeat = 1; ///< runs of each part
    std::optional<bool> random; ///< -R
    std::optional<access_pattern> rw;
    std::uint32_t reads_percent = 50; ///< of a mix of reads and writes
    position_law law; ///< of random positions
    drive_share offset; ///< where the I/O begins
    std::optional<drive_share> size; ///< how far it goes from there; nothing: to the end
    std::vector<std::string> write_names; ///< drives that may be written, as --write names them
    double seconds = 10; ///< 0: until a signal, or until all blocks are done
    bool has_seconds = false; ///< -r was given
    std::uint64_t blocks = 0; ///< I/Os of all threads together, after which it ends; 0: any number
    std::uint64_t work_ns = 0; ///< that each completion makes a thread
    std::optional<slow_thread> slow;
    std::uint32_t workers = 0; ///< of one group; 0: each thread has a ring
    bool beside_workers = false; ///< a part of a comparison that the workers are another part of
    std::string queues; ///< a number, "private" or "auto", which empty stands for
    role_policy role = role_policy::automatic; ///< of each queue that threads share
    /// poll_queue::options::force, and write_permit::options::force.
    bool force = false;
    std::optional<std::string> compare; ///< such words, with commas between them
    std::vector<sweep_axis> sweeps; ///< every combination of their values is a run
    std::optional<latency_goal> find; ///< find the highest rate that keeps it
    std::string json_path; ///< of output_file; empty: none
    std::string csv_path; ///< the seconds
    std::string hgrm_path; ///< the distribution of the latencies

    /// What it does: what --rw says, or else -R.
    [[nodiscard]] access_pattern pattern() const
    {
        return rw ? *rw : access_pattern::parse("-R", random.value_or(true) ? "randread" : "read");
    }
    /// Of one thread.
    [[nodiscard]] std::uint64_t work_ns_of(std::uint32_t index) const noexcept
    {
        return slow && slow->index == index ? work_ns * slow->factor : work_ns;
    }
    /// Blocks that are dealt to a ring's thread beforehand; as good as endless without --blocks.
    [[nodiscard]] std::uint64_t blocks_of(std::uint32_t index) const noexcept
    {
        return blocks == 0 ? UINT64_MAX : blocks / threads + (index < blocks % threads ? 1 : 0);
    }
    [[nodiscard]] bool is_endless() const noexcept { return seconds == 0 && blocks == 0; }
    /// Whether it has too many runs to print each one whole.
    [[nodiscard]] bool is_long() const noexcept { return repeat > 1 || !sweeps.empty() || find; }
    [[nodiscard]] poll_mode mode() const noexcept
    {
        if (!polled)
            return poll_mode::interrupt;
        return hybrid ? poll_mode::hybrid : poll_mode::polled;
    }
};

/// How a run lies on a namespace: what the options come to once its geometry is known.
struct bench_geometry {
    std::uint32_t blocks_per_io = 1;
    std::uint32_t transfer_bytes = 0; ///< of a buffer: the blocks' data, and interleaved metadata
    std::uint64_t first_slba = 0; ///< of the range that is used
    std::uint64_t positions = 0; ///< places in it that an I/O can start at, side by side
};

/// Makes `bench` take the options, which fill `options` when they are parsed.
void add_options(option_list& bench, bench_options& options);

/// Checks what can be checked without a drive; throws std::invalid_argument with one line.
void check_options(const bench_options& options);

/// What --queues or --compare asks for: one choice, or one for each part of a comparison. Throws
/// std::invalid_argument with one line.
[[nodiscard]] std::vector<queue_choice> parts_of(const bench_options& options);

/// The options of one part. Rings beside workers have an equal part of the depth each, so that all
/// parts have as many I/Os in flight.
[[nodiscard]] bench_options options_of(const bench_options& options, const queue_choice& part);

/// Checks options against the namespace too; throws std::invalid_argument with one line.
[[nodiscard]] bench_geometry plan(
    const bench_options& options, const namespace_info& device, const placement& layout);

} // namespace ngpoll::cli
