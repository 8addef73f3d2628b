// SPDX-License-Identifier: MIT
#include "find.hpp"

#include <fmt/format.h>

#include "../command_line.hpp"
#include "latency.hpp"
#include "plan.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

double figure_of(const latency_goal& goal, const latency_summary& latency)
{
    for (std::size_t i = 0; i < kPercentiles.size(); ++i)
        if (goal.figure == kPercentiles[i].key)
            return latency.at_ns[i];
    return goal.figure == "mean" ? latency.mean_ns : latency.max_ns;
}

/// The figure's name in JSON; empty: there is no such figure.
std::string figure_named(const std::string& name)
{
    if (name == "mean" || name == "max")
        return name;
    for (const percentile& each : kPercentiles)
        if (name == each.key || name == std::string("p") + each.text)
            return each.key;
    return {};
}

std::string limit_text(const latency_goal& goal)
{
    return fmt::format("{}={}", goal.figure, duration_text(goal.limit_ns));
}

/// Whether the drive kept up. I/Os that are in flight at the end count as done, and each thread may
/// be one I/O behind.
bool reached_rate(const bench_result& run)
{
    const double due = run.options.rate_iops * run.total.seconds;
    return static_cast<double>(run.total.stats.sent) + run.options.threads + 1
        >= kRateReached * due;
}

/// The end of a step's line.
std::string verdict_text(const latency_goal& goal, const bench_result& run)
{
    std::string text;
    if (goal.figure != "p50" && goal.figure != "p99" && run.total.latency.count != 0)
        text = fmt::format(
            ", {}={}", goal.figure, duration_text(figure_of(goal, run.total.latency)));
    if (run.cut_short)
        return text;
    if (keeps(goal, run))
        return text + ": kept";
    return text + (reached_rate(run) ? ": not kept" : ": not kept, and the rate was not reached");
}

/// The run that kept the highest rate, or else the last one.
std::size_t best_of(const rate_finding& finding)
{
    for (std::size_t i = finding.steps.size(); i-- > 0;)
        if (finding.steps[i].kept && finding.steps[i].rate_iops == finding.rate)
            return i;
    return finding.steps.size() - 1;
}

} // namespace

latency_goal parse_goal(const std::string& word)
{
    const std::size_t equals = word.find('=');
    latency_goal goal{.figure = figure_named(word.substr(0, equals))};
    if (equals == std::string::npos || goal.figure.empty())
        refuse_value("--find", word,
            "give a latency to keep, for example p99=200us; it can be p50, p90, p99, p99_9, "
            "p99_99, mean or max");
    goal.limit_ns = parse_seconds("--find", word.substr(equals + 1)) * 1e9;
    if (goal.limit_ns <= 0)
        refuse_value("--find", word, "give more than 0");
    return goal;
}

bool keeps(const latency_goal& goal, const bench_result& run)
{
    const latency_summary& latency = run.total.latency;
    return latency.count != 0 && figure_of(goal, latency) <= goal.limit_ns && reached_rate(run);
}

rate_finding find_rate(bench_series& series, bench_display& display, const bench_result& planned)
{
    rate_finding finding;
    finding.goal = *planned.options.find;
    display.remark = [&](const bench_result& run) { return verdict_text(finding.goal, run); };
    rate_search search;
    while (const std::optional<double> rate = search.next()) {
        bench_result next = planned;
        next.options.rate_iops = *rate;
        next.clock = clock_of(next.options);
        const std::string what
            = *rate == 0 ? "as fast as possible" : fmt::format("--rate {:.0f}", *rate);
        const std::string number = fmt::format("step {}", finding.steps.size() + 1);
        const bool more = series.run(std::move(next), {.number = number, .what = what});
        if (series.done().size() == finding.steps.size())
            break; // the run failed
        const bench_result& run = series.done().back();
        finding.steps.push_back({.rate_iops = *rate, .kept = keeps(finding.goal, run)});
        if (run.cut_short)
            break;
        search.add(finding.steps.back().kept, run.total.iops());
        if (!more)
            break;
    }
    display.remark = nullptr;
    finding.end = search.end();
    finding.rate = search.kept();
    finding.broken = search.broken();
    finding.best = best_of(finding);
    return finding;
}

std::string goal_text(const bench_options& options)
{
    return options.find ? fmt::format("find the highest rate that keeps {}, in steps of {:g} s\n",
               limit_text(*options.find), options.seconds)
                        : "";
}

std::string finding_text(const rate_finding& finding, const bench_result& best)
{
    const std::string limit = limit_text(finding.goal);
    const double rate = finding.rate.value_or(0);
    switch (finding.end) {
    case rate_search::ending::found:
        return fmt::format(
            "found: {:.0f} IOPS is the highest rate that keeps {}; {:.0f} does not\n", rate, limit,
            finding.broken.value_or(0));
    case rate_search::ending::highest:
        return fmt::format("found: even the highest possible rate, {:.0f} IOPS, keeps {}; a larger "
                           "-d may allow more\n",
            rate, limit);
    case rate_search::ending::none:
        if (best.total.latency.count == 0)
            return "not found: no I/O succeeded\n";
        return fmt::format("not found: no rate keeps {}; at {:.0f} IOPS it is {}\n", limit,
            best.options.rate_iops, duration_text(figure_of(finding.goal, best.total.latency)));
    case rate_search::ending::unfinished: break;
    }
    return finding.rate ? fmt::format("cut short: {:.0f} IOPS keeps {}; there may be a higher "
                                      "rate\n",
               rate, limit)
                        : fmt::format("cut short: no rate that keeps {} was found so far\n", limit);
}

} // namespace ngpoll::cli
