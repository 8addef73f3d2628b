// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "html.hpp"
#include "sections.hpp"

namespace ngpoll::cli {

namespace {

/// Nobody reads a longer table; neighbouring rows of a longer one are merged.
constexpr std::size_t kRowsMax = 120;

/// A table and the chart that the script draws from it. The attributes of <figure> say how.
struct chart {
    std::string_view attributes{};
    std::string_view caption{};
    std::string_view first_head{};
    std::vector<std::string> heads{}; ///< of the columns behind the first: <th>, HTML
    std::vector<std::string> rows{}; ///< HTML, whole
};

/// The head of a run's column. The run's number gives it the same color in all charts.
std::string head_html(const page_run& run, std::string_view what = "", bool dashed = false)
{
    return fmt::format("<th scope=\"col\" data-series=\"{}\"{}>{}{}</th>", run.column,
        dashed ? " data-dashed" : "", html_escaped(run.run->label), what);
}

std::string chart_html(const chart& of)
{
    std::string html = fmt::format("<figure {}>\n<figcaption>{}</figcaption>\n"
                                   "<div class=\"plot\"></div>\n"
                                   "<details open><summary>Table</summary>"
                                   "<div class=\"wide\"><table>\n"
                                   "<thead><tr><th scope=\"col\">{}</th>",
        of.attributes, of.caption, of.first_head);
    for (const std::string& head : of.heads)
        html += head;
    html += "</tr></thead>\n<tbody>\n";
    for (const std::string& row : of.rows)
        html += row;
    return html + "</tbody></table></div></details>\n</figure>\n";
}

/// One row for each x that any series has. A series without a value at this x has an empty cell.
using table_rows = std::map<double, std::vector<std::optional<double>>>;

std::vector<std::string> rows_html(
    const table_rows& rows, figure_unit unit, const std::function<std::string(double)>& x_text)
{
    std::vector<std::string> html;
    for (const auto& [x, values] : rows) {
        std::string row = fmt::format("<tr><th scope=\"row\">{}</th>", data_html(x, x_text(x)));
        for (const auto& value : values)
            row += value ? fmt::format("<td>{}</td>", data_html(*value, figure_text(*value, unit)))
                         : "<td></td>";
        html.push_back(row + "</tr>\n");
    }
    return html;
}

/// Merges the seconds of a run into at most `kRowsMax` rows. A merged row has the mean rate over
/// its time, and the worst latencies.
std::vector<measured_interval> thinned(const std::vector<measured_interval>& all)
{
    const std::size_t each = (all.size() + kRowsMax - 1) / kRowsMax;
    if (each <= 1)
        return all;
    std::vector<measured_interval> some;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const measured_interval& next = all[i];
        if (i % each == 0) {
            some.push_back(next);
            continue;
        }
        measured_interval& last = some.back();
        const double seconds = last.seconds + next.seconds;
        if (last.iops && next.iops && seconds > 0)
            last.iops = (*last.iops * last.seconds + *next.iops * next.seconds) / seconds;
        last.p50_ns = std::max(last.p50_ns, next.p50_ns);
        last.p99_ns = std::max(last.p99_ns, next.p99_ns);
        last.seconds = seconds;
        last.until_s = next.until_s;
    }
    return some;
}

/// Rounds to tenths of a second: the seconds of two runs end at slightly different times, and still
/// share a row.
double row_of(double seconds) { return std::round(seconds * 10) / 10; }

std::string over_time(std::span<const page_run> runs, std::string_view caption, figure_unit unit,
    std::initializer_list<std::pair<const char*, std::optional<double> measured_interval::*>> what)
{
    chart drawn{.caption = caption, .first_head = "second"};
    table_rows rows;
    std::vector<const page_run*> with;
    for (const page_run& one : runs)
        if (std::any_of(one.run->intervals.begin(), one.run->intervals.end(),
                [&](const measured_interval& i) {
                    return (i.*(what.begin()->second)).has_value();
                }))
            with.push_back(&one);
    std::size_t column = 0;
    for (const page_run* one : with)
        for (const auto& [name, member] : what) {
            // The first of several lines is dashed: most readers look for the last, the slow I/Os.
            drawn.heads.push_back(
                head_html(*one, name, what.size() > 1 && name == what.begin()->first));
            for (const measured_interval& second : thinned(one->run->intervals)) {
                auto& row = rows[row_of(second.until_s)];
                row.resize(with.size() * what.size());
                row[column] = second.*member;
            }
            ++column;
        }
    if (rows.size() < 2)
        return "";
    drawn.rows = rows_html(rows, unit, [](double x) { return fmt::format("{:g}", x); });
    drawn.attributes = unit == figure_unit::nanoseconds
        ? "data-chart=\"line\" data-unit=\"ns\" data-y=\"log\" data-x-title=\"seconds\""
        : "data-chart=\"line\" data-unit=\"count\" data-x-title=\"seconds\"";
    return chart_html(drawn);
}

std::string bars(std::span<const page_run> runs, std::size_t which, std::string_view caption)
{
    const figure_unit unit = kFigures[which].unit;
    chart drawn{.attributes = unit == figure_unit::nanoseconds
            ? "data-chart=\"bar\" data-unit=\"ns\""
            : "data-chart=\"bar\" data-unit=\"count\"",
        .caption = caption,
        .first_head = "result",
        .heads = {fmt::format("<th scope=\"col\">{}</th>", kFigures[which].title)}};
    for (const page_run& one : runs)
        if (const auto& value = one.run->figures[which].value)
            drawn.rows.push_back(fmt::format(
                "<tr data-series=\"{}\"><th scope=\"row\">{}</th><td>{}</td></tr>\n", one.column,
                html_escaped(one.run->label), data_html(*value, figure_text(*value, unit))));
    return drawn.rows.size() < 2 ? "" : chart_html(drawn);
}

std::size_t figure_index(std::string_view path)
{
    const auto* const found = std::find_if(std::begin(kFigures), std::end(kFigures),
        [&](const figure_kind& kind) { return kind.path == path; });
    return static_cast<std::size_t>(found - std::begin(kFigures));
}

} // namespace

std::string time_section(std::span<const page_run> runs)
{
    const std::string html
        = over_time(runs, "IOPS over time", figure_unit::count, {{"", &measured_interval::iops}})
        + over_time(runs, "Latency over time", figure_unit::nanoseconds,
            {{" p50", &measured_interval::p50_ns}, {" p99", &measured_interval::p99_ns}});
    return html.empty() ? "" : "<h2>Over time</h2>\n" + html;
}

std::string percentile_section(std::span<const page_run> runs)
{
    chart drawn{.attributes = "data-chart=\"line\" data-x=\"percentile\" data-y=\"log\" "
                              "data-unit=\"ns\" data-x-title=\"percentile\"",
        .caption = "Share of I/Os that took at most this long",
        .first_head = "percentile"};
    table_rows rows;
    std::vector<const page_run*> with;
    for (const page_run& one : runs)
        if (one.run->percentiles.size() > 1)
            with.push_back(&one);
    for (std::size_t column = 0; column < with.size(); ++column) {
        drawn.heads.push_back(head_html(*with[column]));
        for (const percentile_point& point : with[column]->run->percentiles) {
            auto& row = rows[point.percent];
            row.resize(with.size());
            row[column] = point.ns;
        }
    }
    if (rows.empty())
        return "";
    drawn.rows = rows_html(
        rows, figure_unit::nanoseconds, [](double x) { return fmt::format("{:.8g} %", x); });
    return "<h2>Latency distribution</h2>\n<p class=\"note\">Each further nine (90, 99, 99.9 %) "
           "has the same width, so that the slow I/Os can be seen.</p>\n"
        + chart_html(drawn);
}

std::string bars_section(std::span<const page_run> runs)
{
    const std::string html = bars(runs, figure_index("summary.iops"), "IOPS")
        + bars(runs, figure_index("summary.cpu_ns_per_io"), "Processor time per I/O");
    return html.empty() ? "" : "<h2>Side by side</h2>\n" + html;
}

} // namespace ngpoll::cli
