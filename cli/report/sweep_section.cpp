// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "html.hpp"
#include "sections.hpp"

namespace ngpoll::cli {

namespace {

/// The cells of one sweep: rows by its first option, columns by all others. A sweep over one option
/// has one column.
struct matrix {
    std::string row_name{};
    std::vector<std::string> rows{}, columns{}; ///< values, in the order in which they ran
    std::vector<const measured_run*>
        cells{}; ///< rows.size() * columns.size(); null: it did not run
};

std::size_t place_of(std::vector<std::string>& values, const std::string& value)
{
    const auto found = std::find(values.begin(), values.end(), value);
    if (found != values.end())
        return static_cast<std::size_t>(found - values.begin());
    values.push_back(value);
    return values.size() - 1;
}

/// All options after the first together name the column: "b=4096, n=2".
std::string column_of(const measured_run& run)
{
    std::string text;
    for (std::size_t i = 1; i < run.coordinates.size(); ++i)
        text += fmt::format("{}{}={}", text.empty() ? "" : ", ", run.coordinates[i].first,
            run.coordinates[i].second);
    return text;
}

matrix matrix_of(const std::vector<const measured_run*>& cells)
{
    matrix all{.row_name = cells.front()->coordinates.front().first};
    for (const measured_run* cell : cells) {
        place_of(all.rows, cell->coordinates.front().second);
        place_of(all.columns, column_of(*cell));
    }
    all.cells.resize(all.rows.size() * all.columns.size());
    for (const measured_run* cell : cells)
        all.cells[place_of(all.rows, cell->coordinates.front().second) * all.columns.size()
            + place_of(all.columns, column_of(*cell))]
            = cell;
    return all;
}

std::string cell_html(const measured_run* cell, std::size_t which, double most)
{
    const auto value = cell == nullptr ? std::nullopt : cell->figures[which].value;
    if (!value)
        return "<td></td>";
    return fmt::format("<td style=\"--share: {:.3f}\">{}</td>", most > 0 ? *value / most : 0,
        data_html(*value, figure_text(*value, kFigures[which].unit)));
}

/// One figure of all cells: a chart with a line for each column, and the matrix it is drawn from.
std::string figure_html(const matrix& all, std::size_t which)
{
    double most = 0;
    for (const measured_run* cell : all.cells)
        if (cell != nullptr)
            most = std::max(most, cell->figures[which].value.value_or(0));
    if (most == 0)
        return "";
    std::string html = fmt::format(
        "<figure data-chart=\"line\" data-x=\"names\" data-unit=\"{}\" data-x-title=\"{}\">\n"
        "<figcaption>{}</figcaption>\n<div class=\"plot\"></div>\n"
        "<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th scope=\"col\">{}</th>",
        kFigures[which].unit == figure_unit::nanoseconds ? "ns" : "count",
        html_escaped(all.row_name), kFigures[which].title, html_escaped(all.row_name));
    for (const std::string& column : all.columns)
        html += fmt::format("<th scope=\"col\">{}</th>",
            column.empty() ? kFigures[which].title : html_escaped(column));
    html += "</tr></thead>\n<tbody>\n";
    for (std::size_t row = 0; row < all.rows.size(); ++row) {
        html += fmt::format("<tr><th scope=\"row\">{}</th>", html_escaped(all.rows[row]));
        for (std::size_t column = 0; column < all.columns.size(); ++column)
            html += cell_html(all.cells[row * all.columns.size() + column], which, most);
        html += "</tr>\n";
    }
    return html + "</tbody></table></div>\n</figure>\n";
}

} // namespace

std::string sweep_section(std::span<const result_document> documents)
{
    std::string html;
    for (const result_document& document : documents) {
        std::vector<const measured_run*> cells;
        for (const measured_run& run : document.runs)
            if (!run.coordinates.empty())
                cells.push_back(&run);
        if (cells.empty())
            continue;
        const matrix all = matrix_of(cells);
        if (documents.size() > 1)
            html += fmt::format("<h3>{}</h3>\n", html_escaped(document.name));
        for (std::size_t which = 0; which < kFigureCount; ++which)
            if (kFigures[which].in_sweeps)
                html += figure_html(all, which);
    }
    return html.empty() ? "" : "<h2>Sweep</h2>\n" + html;
}

} // namespace ngpoll::cli
