// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../stop_signals.hpp"
#include "../text_output.hpp"
#include "cost.hpp"
#include "live.hpp"
#include "result.hpp"
#include "threads.hpp"
#include "tick_clock.hpp"

namespace ngpoll::cli {

using poll_queues = std::vector<std::unique_ptr<poll_queue>>;

/// The clock that times the I/O.
[[nodiscard]] tick_source clock_of(const bench_options& options);

/// The drives of a run, open, in the order of bench_result::drives.
using open_drives = std::span<const nvme_namespace>;

/// The poll queues that `planned` needs, drive by drive; throws what poll_queue throws.
[[nodiscard]] poll_queues open_queues(const bench_result& planned, open_drives devices);

/// Where the text of a run goes.
struct bench_display {
    text_output& out;
    std::FILE* screen; ///< that `out` writes to
    std::string heading{}; ///< in front of the next run's lines
    /// Of many runs each prints a line at its end, and none meanwhile but the live block.
    bool brief = false;
    /// The end of the line of a brief run, if any.
    std::function<std::string(const bench_result&)> remark{};
    std::vector<std::string> layouts_said{}; ///< of brief runs; each is said once
};

/// A run, or one part of a comparison. Its members in the order in which they depend on each other;
/// when it is gone, all its rings are closed.
class bench_run {
public:
    /// Prints the heading and how the run lies, once the poll queues are open.
    bench_run(bench_result planned, open_drives devices, bench_display& display);

    /// Warms up, and then prints a line a second, or draws the live block, until the time is over,
    /// a signal comes or nothing can be printed any more; then drains. True when it ended before
    /// its time.
    [[nodiscard]] bool measure(const stop_signals& signals);

    /// Once, after measure().
    [[nodiscard]] bench_result take_result() { return std::move(result_); }

private:
    /// The counts of a drive, all its threads together.
    struct counted_drive {
        ring_stats residents{}; ///< of the resident pollers
        latency_set latencies{};
        latency_set service_latencies{};
    };
    /// All that is counted from the start on.
    struct counted {
        std::vector<bench_interval> threads;
        std::vector<counted_drive> drives;
        process_cost cost{};

        [[nodiscard]] counted since(const counted& before) const;
    };

    /// Prints what there is to say before the figures.
    void announce(bench_display& display) const;
    [[nodiscard]] counted count() const;
    [[nodiscard]] bench_interval sum_of(const counted& all) const;
    /// Waits until the warm-up is over; true when it was cut short.
    [[nodiscard]] bool warm_up(const stop_signals& signals);
    /// Waits until `seconds` after the start of the figures; shows meanwhile how far it is. True
    /// when a signal came. Also ends when all threads have.
    [[nodiscard]] bool wait_until(const stop_signals& signals, double seconds);
    void show_progress();
    void print(const std::string& text);
    /// Stops the threads, and says each second what they still wait for.
    void drain();
    void collect(const counted& begin);
    /// Where the blocks ended the run: from the first submission to the last completion.
    [[nodiscard]] double busy_seconds() const;
    void collect_errors(bench_drive& drive) const;

    bench_result result_;
    text_output& out_;
    const bool brief_;
    std::optional<live_block> live_; ///< where the text goes to a terminal
    cost_meter cost_; ///< before the threads that it counts
    poll_queues queues_;
    std::optional<stop_signals::hold> held_; ///< while the process may not end
    bench_threads threads_;
    std::chrono::steady_clock::time_point start_; ///< of the figures
    tick_length tick_; ///< begins when the run does
    bool warming_up_ = false;
    bool blocks_are_done_ = false; ///< which ended the run
    std::vector<bench_interval> last_threads_; ///< each one's last second
};

} // namespace ngpoll::cli
