// SPDX-License-Identifier: MIT
#include "sweep_text.hpp"

#include <cstddef>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../text_table.hpp"
#include "sweep.hpp"
#include "text.hpp"

namespace ngpoll::cli {

namespace {

struct sweep_figure {
    const char* title;
    std::string (*text)(const bench_result&);
    bool of_latency;
};

constexpr sweep_figure kFigures[] = {
    {"IOPS", [](const bench_result& run) { return rate_text(run.total.iops()); }, false},
    {"p50", [](const bench_result& run) { return duration_text(run.total.latency.p50_ns()); },
        true},
    {"p99", [](const bench_result& run) { return duration_text(run.total.latency.p99_ns()); },
        true},
};

std::string cell_text(const bench_result* run, const sweep_figure& figure)
{
    const bool measured = run != nullptr && (!figure.of_latency || run->total.latency.count != 0);
    return measured ? figure.text(*run) : "-";
}

using table = std::vector<std::vector<std::string>>;

/// `cells` has a run for each value; null: that run was not made.
std::string one_axis_text(
    const sweep_axis& axis, const std::vector<const bench_result*>& cells, bool latency)
{
    table rows{{axis.key}};
    for (const sweep_figure& figure : kFigures)
        if (latency || !figure.of_latency)
            rows.front().push_back(figure.title);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::vector<std::string>& row = rows.emplace_back(1, axis.values[i]);
        for (const sweep_figure& figure : kFigures)
            if (latency || !figure.of_latency)
                row.push_back(cell_text(cells[i], figure));
    }
    return table_text(rows);
}

/// "b=512", "b=512 n=2": the values of all axes but the first, in the cells' order.
std::vector<std::string> column_names(const std::vector<sweep_axis>& axes)
{
    std::vector<std::string> names{""};
    for (std::size_t i = 1; i < axes.size(); ++i) {
        std::vector<std::string> longer;
        for (const std::string& name : names)
            for (const std::string& value : axes[i].values)
                longer.push_back(
                    fmt::format("{}{}{}={}", name, name.empty() ? "" : " ", axes[i].key, value));
        names = std::move(longer);
    }
    return names;
}

std::string matrix_text(const std::vector<sweep_axis>& axes,
    const std::vector<const bench_result*>& cells, const sweep_figure& figure)
{
    const std::vector<std::string> columns = column_names(axes);
    table rows{{axes.front().key}};
    rows.front().insert(rows.front().end(), columns.begin(), columns.end());
    for (std::size_t r = 0; r < axes.front().values.size(); ++r) {
        std::vector<std::string>& row = rows.emplace_back(1, axes.front().values[r]);
        for (std::size_t c = 0; c < columns.size(); ++c)
            row.push_back(cell_text(cells[r * columns.size() + c], figure));
    }
    return fmt::format("{}:\n{}", figure.title, table_text(rows));
}

} // namespace

std::string axes_text(const bench_options& options)
{
    if (options.sweeps.empty())
        return {};
    std::vector<std::string> axes;
    for (const sweep_axis& axis : options.sweeps)
        axes.push_back(fmt::format("{}={}", axis.key, fmt::join(axis.values, ",")));
    return fmt::format("sweep over {}: {} runs of {:g} s\n", fmt::join(axes, " and "),
        cell_count(options.sweeps) * options.repeat, options.seconds);
}

std::string sweep_text(const bench_options& options, std::span<const repeated_run> cells)
{
    std::vector<const bench_result*> runs(cell_count(options.sweeps));
    bool latency = false;
    for (const repeated_run& cell : cells) {
        runs[cell.median->variant] = cell.median;
        latency = latency || cell.median->total.latency.count != 0;
    }
    std::string text = options.repeat > 1
        ? fmt::format("each figure is of the run with the median IOPS among {}:\n", options.repeat)
        : "";
    if (options.sweeps.size() == 1)
        return text + one_axis_text(options.sweeps.front(), runs, latency);
    for (const sweep_figure& figure : kFigures)
        if (latency || !figure.of_latency)
            text += matrix_text(options.sweeps, runs, figure);
    return text;
}

} // namespace ngpoll::cli
