// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../stop_signals.hpp"
#include "result.hpp"
#include "run.hpp"

namespace ngpoll::cli {

/// The name of a run among several. Both parts are empty for a single run.
struct run_title {
    std::string number; ///< "part 1 of 2"
    std::string what; ///< "--queues shared"
};

/// Makes one run after the other, on the same drives. Keeps their results, also when a later run
/// fails. Used by the main thread.
class bench_series {
public:
    /// The arguments must outlive the series.
    bench_series(open_drives devices, const stop_signals& signals, bench_display& display) noexcept
        : devices_(devices)
        , signals_(signals)
        , display_(display)
    {
    }

    /// Opens and closes the poll queues of each run. So it throws before the first run begins if
    /// one of the runs cannot have its poll queues.
    void try_out(const std::vector<bench_result>& planned) const;

    /// Makes a run, keeps its result and prints it. False: make no more runs, because a signal
    /// came, nothing can be printed any more, or this run failed. Throws if the first run fails.
    [[nodiscard]] bool run(bench_result planned, const run_title& title);

    /// The results, in the order of the runs; at least one after run().
    [[nodiscard]] const std::vector<bench_result>& done() const noexcept { return done_; }
    /// Why a run after the first one failed, in one line; empty: none did.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

private:
    void print(const bench_result& run, const run_title& title);

    const open_drives devices_;
    const stop_signals& signals_;
    bench_display& display_;
    std::vector<bench_result> done_;
    std::string failure_;
};

} // namespace ngpoll::cli
