// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ngpoll/poll_queue.hpp>

#include "workload.hpp"

namespace ngpoll::cli {

class option_list;

inline constexpr std::uint32_t kRingDepthMax = 32768; ///< of a kernel ring
inline constexpr std::uint32_t kRepeatMax = 100; ///< `ngpoll report` reads no more

/// An option of which --sweep tries several values.
struct sweep_axis {
    std::string key; ///< "d", "rate": the option's letter, or else its name
    std::vector<std::string> values; ///< as they were given
};

/// The latency limit of --find.
struct latency_goal {
    std::string figure; ///< the figure's name in JSON: "p99_9", "mean"
    double limit_ns = 0;
};

/// The thread of --slow-worker.
struct slow_thread {
    std::uint32_t index = 0;
    std::uint32_t factor = 1; ///< times the work of the other threads
};

/// The options of `ngpoll bench`. Letters and defaults are those of fio's t/io_uring. Only the run
/// time differs: here a run ends unless the user gives 0.
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
    double rate_iops = 0; ///< of all threads together; 0: as fast as possible
    double warmup_seconds = 0; ///< before the figures begin
    std::uint32_t repeat = 1; ///< runs of each part
    std::optional<bool> random; ///< -R
    std::optional<access_pattern> rw;
    std::uint32_t reads_percent = 50; ///< of a mix of reads and writes
    position_law law; ///< of random positions
    drive_share offset; ///< where the range of the I/O begins
    std::optional<drive_share> size; ///< of that range; nothing: to the end of the drive
    std::vector<std::string> write_names; ///< drives that may be written, as --write names them
    double seconds = 10; ///< 0: until a signal, or until all blocks are done
    bool has_seconds = false; ///< -r was given
    std::uint64_t blocks = 0; ///< the run ends after so many I/Os of all threads; 0: no limit
    std::uint64_t work_ns = 0; ///< work of a thread for each completion
    std::optional<slow_thread> slow;
    std::uint32_t workers = 0; ///< of one group; 0: each thread has a ring
    bool beside_workers = false; ///< rings that are compared with workers
    std::string queues; ///< a number, "private" or "auto"; empty: "auto"
    role_policy role = role_policy::automatic; ///< of each queue that threads share
    /// poll_queue::options::force, and write_permit::options::force.
    bool force = false;
    std::optional<std::string> compare; ///< values of --queues, with commas between them
    std::vector<sweep_axis> sweeps; ///< every combination of their values is a run
    std::optional<latency_goal> find; ///< find the highest rate that keeps this limit
    std::string json_path; ///< for output_file; empty: no file
    std::string csv_path; ///< for the figures of each second
    std::string hgrm_path; ///< for the distribution of the latencies

    /// The operations, as --rw says, or else -R.
    [[nodiscard]] access_pattern pattern() const
    {
        return rw ? *rw : access_pattern::parse("-R", random.value_or(true) ? "randread" : "read");
    }
    /// The work of thread `index` for each completion.
    [[nodiscard]] std::uint64_t work_ns_of(std::uint32_t index) const noexcept
    {
        return slow && slow->index == index ? work_ns * slow->factor : work_ns;
    }
    /// How many I/Os thread `index` does on its ring. Without --blocks there is no limit.
    [[nodiscard]] std::uint64_t blocks_of(std::uint32_t index) const noexcept
    {
        return blocks == 0 ? UINT64_MAX : blocks / threads + (index < blocks % threads ? 1 : 0);
    }
    [[nodiscard]] bool is_endless() const noexcept { return seconds == 0 && blocks == 0; }
    /// Whether there may be too many runs to print all figures of each.
    [[nodiscard]] bool is_long() const noexcept { return repeat > 1 || !sweeps.empty() || find; }
    [[nodiscard]] poll_mode mode() const noexcept
    {
        if (!polled)
            return poll_mode::interrupt;
        return hybrid ? poll_mode::hybrid : poll_mode::polled;
    }
};

/// Adds the options to `bench`. Parsing the command line stores their values in `options`.
void add_options(option_list& bench, bench_options& options);

} // namespace ngpoll::cli
