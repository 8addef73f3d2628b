// SPDX-License-Identifier: MIT
#include "series.hpp"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "../error_line.hpp"
#include "text.hpp"

namespace ngpoll::cli {

void bench_series::try_out(const std::vector<bench_result>& planned) const
{
    for (const bench_result& each : planned)
        static_cast<void>(open_queues(each, devices_));
}

bool bench_series::run(bench_result planned, const run_title& title)
{
    planned.number = done_.size() + 1;
    if (!title.number.empty() && !display_.brief)
        display_.heading += fmt::format("{}: {}\n", title.number, title.what);
    try {
        bench_run run(std::move(planned), devices_, display_);
        const bool cut_short = run.measure(signals_);
        done_.push_back(run.take_result());
        print(done_.back(), title);
        return !cut_short && !display_.out.failed() && !signals_.came();
    } catch (const std::exception& error) {
        if (done_.empty())
            throw;
        // Return, so that the results of the earlier runs are not lost.
        failure_ = fmt::format("{}: {}", title.number, error_text(error));
        return false;
    }
}

void bench_series::print(const bench_result& run, const run_title& title)
{
    if (!display_.brief) {
        display_.out.print(summary_text(run));
        return;
    }
    display_.out.print(
        fmt::format("{}: {}{}{}{}\n{}", title.number, title.what, title.what.empty() ? "" : ": ",
            brief_text(run), display_.remark ? display_.remark(run) : "", errors_text(run)));
}

} // namespace ngpoll::cli
