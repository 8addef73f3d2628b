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

/// The open drives of a run, in the order of bench_result::drives.
using open_drives = std::span<const nvme_namespace>;

/// Opens the poll queues that `planned` needs, drive by drive; throws what poll_queue throws.
[[nodiscard]] poll_queues open_queues(const bench_result& planned, open_drives devices);

/// The output of runs, and how much of it there is.
struct bench_display {
    text_output& out;
    std::FILE* screen; ///< the stream that `out` writes to
    std::string heading{}; ///< printed before the next run's lines
    /// Each run prints only one line, at its end. Meanwhile the live block shows its progress.
    bool brief = false;
    /// Makes the end of a brief run's line; empty: nothing is added.
    std::function<std::string(const bench_result&)> remark{};
    std::vector<std::string> layouts_printed{}; ///< brief runs print each layout only once
};

/// One run. Its members stand in the order in which they depend on each other. The destructor
/// closes all rings.
class bench_run {
public:
    /// Opens the poll queues, prints the heading and the layout, and starts the threads.
    bench_run(bench_result planned, open_drives devices, bench_display& display);

    /// Warms up, and then prints a line a second, or draws the live block. The run ends when its
    /// time is over or its blocks are done. It ends early when a signal comes, or when nothing can
    /// be printed any more. Then waits for the I/Os in flight. True if the run ended early.
    [[nodiscard]] bool measure(const stop_signals& signals);

    /// Call it once, after measure().
    [[nodiscard]] bench_result take_result() { return std::move(result_); }

private:
    /// The counts of a drive, all its threads together.
    struct counted_drive {
        ring_stats residents{}; ///< of the resident pollers
        latency_set latencies{};
        latency_set service_latencies{};
    };
    /// All counts since the start.
    struct counted {
        std::vector<bench_interval> threads;
        std::vector<counted_drive> drives;
        process_cost cost{};

        [[nodiscard]] counted since(const counted& before) const;
    };

    /// Prints the lines before the figures.
    void announce(bench_display& display) const;
    [[nodiscard]] counted count() const;
    [[nodiscard]] bench_interval sum_of(const counted& all) const;
    /// Waits until the warm-up is over; true when it was cut short.
    [[nodiscard]] bool warm_up(const stop_signals& signals);
    /// Waits until `seconds` after `start_`, and shows the progress meanwhile. Ends early when a
    /// signal comes, or when nothing can be printed any more: it then returns true. Also ends when
    /// all threads have ended.
    [[nodiscard]] bool wait_until(const stop_signals& signals, double seconds);
    void show_progress();
    void print(const std::string& text);
    /// Stops the threads, and prints each second how many I/Os they still wait for.
    void drain();
    void collect(const counted& begin);
    /// The time from the first submission to the last completion, for a run that its blocks ended.
    [[nodiscard]] double busy_seconds() const;
    void collect_errors(bench_drive& drive) const;

    bench_result result_;
    text_output& out_;
    const bool brief_;
    std::optional<live_block> live_; ///< set if the text goes to a terminal
    cost_meter cost_; ///< before the threads that it counts
    poll_queues queues_;
    std::optional<stop_signals::hold> held_; ///< while the process must not end
    bench_threads threads_;
    std::chrono::steady_clock::time_point start_; ///< of the figures, or of the warm-up before them
    tick_length tick_; ///< measured from the start of the run
    bool warming_up_ = false;
    bool blocks_are_done_ = false; ///< the run ended because its blocks were done
    std::vector<bench_interval> last_threads_; ///< the last second of each thread
};

} // namespace ngpoll::cli
