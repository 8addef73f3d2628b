// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../stop_signals.hpp"
#include "result.hpp"
#include "run.hpp"

namespace ngpoll::cli {

/// How the text calls a run that is one of several; both are empty for a run on its own.
struct run_title {
    std::string number; ///< "part 1 of 2"
    std::string what; ///< "--queues shared"
};

/// One run after the other, on the same drives. Their results are kept, also when a later one
/// fails. Used by the main thread.
class bench_series {
public:
    /// All of them must outlive it.
    bench_series(open_drives devices, const stop_signals& signals, bench_display& display) noexcept
        : devices_(devices)
        , signals_(signals)
        , display_(display)
    {
    }

    /// Throws what one of the runs could not have, before the first of them has begun.
    void try_out(const std::vector<bench_result>& planned) const;

    /// Makes a run, keeps its result and prints it. False: it is the last one, because a signal
    /// came, nothing can be printed any more, or it failed. Throws why the first one cannot run.
    [[nodiscard]] bool run(bench_result planned, const run_title& title);

    /// In the order in which they ran; at least one after run().
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
