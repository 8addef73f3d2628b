// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "html.hpp"
#include "rank_test.hpp"
#include "sections.hpp"

namespace ngpoll::cli {

namespace {

std::string time_text(double ns)
{
    if (std::abs(ns) < 1e3)
        return fmt::format("{:.4g} ns", ns);
    if (std::abs(ns) < 1e6)
        return fmt::format("{:.4g} \xc2\xb5s", ns / 1e3); // the micro sign
    if (std::abs(ns) < 1e9)
        return fmt::format("{:.4g} ms", ns / 1e6);
    return fmt::format("{:.4g} s", ns / 1e9);
}

/// "+3.2 %", with one more digit where the difference is small.
std::string percent_text(double ratio)
{
    const double percent = 100 * (ratio - 1);
    return fmt::format("{:+.{}f} %", percent, std::abs(percent) < 0.95 ? 2 : 1);
}

/// The judgement of a difference between two runs.
struct verdict {
    const char* css = ""; ///< a class of the style
    std::string text{};
    std::string proof{}; ///< "p 0.0079, +1.1 % to +4.0 %"
};

verdict compare(const page_run& first, const page_run& other, std::size_t which)
{
    const figure& a = first.run->figures[which];
    const figure& b = other.run->figures[which];
    const auto compared = compare_ranks(a.repetitions, b.repetitions);
    const bool in_turn = first.document == other.document && first.document->interleaved;
    if (!compared || !in_turn)
        return {.text = "cannot tell"};
    verdict result{.proof = fmt::format("p {:.2g}", compared->chance)};
    if (compared->ratio_low > 0)
        result.proof += fmt::format(
            ", {} to {}", percent_text(compared->ratio_low), percent_text(compared->ratio_high));
    if (!compared->more_than_noise()) {
        result.text = "no more than noise";
        return result;
    }
    result.text = "more than noise";
    const figure_better better = kFigures[which].better;
    const bool higher = *b.value > *a.value;
    if (better != figure_better::neither)
        result.css = higher == (better == figure_better::higher) ? " better" : " worse";
    return result;
}

std::string small_html(std::string_view css, std::string_view text)
{
    return text.empty() ? "" : fmt::format("<span class=\"small{}\">{}</span>", css, text);
}

std::string difference_html(const page_run& first, const page_run& other, std::size_t which)
{
    const auto& before = first.run->figures[which].value;
    const auto& now = other.run->figures[which].value;
    if (!before || !now)
        return "";
    if (*before == *now)
        return small_html("", "no difference");
    const verdict said = compare(first, other, which);
    const std::string percent = *before > 0 ? percent_text(*now / *before) + ", " : "";
    return small_html(said.css, percent + said.text) + small_html("", said.proof);
}

/// The least and the greatest value of the repetitions.
std::string spread_html(const figure& of, figure_unit unit)
{
    if (of.repetitions.size() < 2)
        return "";
    const auto [low, high] = std::minmax_element(of.repetitions.begin(), of.repetitions.end());
    if (*low == *high)
        return "";
    return small_html(
        "", fmt::format("{} to {}", figure_text(*low, unit), figure_text(*high, unit)));
}

std::string cell_html(std::span<const page_run> runs, std::size_t column, std::size_t which)
{
    const figure& of = runs[column].run->figures[which];
    const figure_kind& kind = kFigures[which];
    if (!of.value)
        return "<td>\xe2\x80\x93</td>"; // an en dash
    return fmt::format("<td>{}{}{}</td>",
        data_html(*of.value, figure_text(*of.value, kind.unit),
            fmt::format(" data-result=\"{}\" data-figure=\"{}\"", column, kind.path)),
        spread_html(of, kind.unit),
        column == 0 ? "" : difference_html(runs.front(), runs[column], which));
}

std::string notes_html(std::span<const page_run> runs)
{
    std::string html;
    const bool repeated = std::any_of(runs.begin(), runs.end(),
        [](const page_run& one) { return one.run->figures.front().repetitions.size() > 1; });
    if (repeated)
        html += "<p class=\"note\">A repeated run shows the figures of the repetition with the "
                "median IOPS. Below each figure are the least and the greatest value of all "
                "repetitions.</p>\n";
    if (runs.size() > 1)
        html += fmt::format(
            "<p class=\"note\">Differences are to the first column. The two-sided Mann-Whitney "
            "rank test tells whether a difference is more than noise. It is where chance alone "
            "makes such a difference less often than {:g} times in 100 (p below {}). After p comes "
            "the interval that holds the true difference in 95 of 100 cases, by the same test. The "
            "test needs at least {} repetitions of each result, measured in turn within one run of "
            "<code>ngpoll bench --repeat {} --compare shared,private</code>. Without them the page "
            "cannot tell, because the machine may have changed in between.</p>\n",
            100 * kNoiseChance, kNoiseChance, kRepetitionsMin, kRepetitionsMin);
    std::vector<std::string_view> said;
    for (const page_run& one : runs) {
        const std::string& name = one.run->latency_name;
        if (name.empty() || std::find(said.begin(), said.end(), name) != said.end())
            continue;
        said.push_back(name);
        html += fmt::format("<p class=\"note\">The latency of {} is {}. ngpoll measures latency "
                            "from submit() to the callback.</p>\n",
            html_escaped(one.document->name), html_escaped(name));
    }
    return html;
}

} // namespace

std::string figure_text(double value, figure_unit unit)
{
    switch (unit) {
    case figure_unit::bytes_per_second: return grouped_number(value / (1 << 20)) + " MiB/s";
    case figure_unit::nanoseconds: return time_text(value);
    case figure_unit::count: break;
    }
    return grouped_number(value);
}

std::string data_html(double value, std::string_view text, std::string_view attributes)
{
    return fmt::format("<data value=\"{}\"{}>{}</data>", plain_number(value), attributes, text);
}

std::string figures_section(std::span<const page_run> runs)
{
    if (runs.empty())
        return "";
    std::string html = "<h2>Figures</h2>\n<div class=\"wide\"><table class=\"figures\">\n"
                       "<thead><tr><th></th>";
    for (const page_run& one : runs)
        html += fmt::format("<th scope=\"col\">{}</th>", html_escaped(one.run->label));
    html += "</tr></thead>\n<tbody>\n";
    for (std::size_t which = 0; which < kFigureCount; ++which) {
        std::string cells;
        bool any = false;
        for (std::size_t column = 0; column < runs.size(); ++column) {
            any = any || runs[column].run->figures[which].value;
            cells += cell_html(runs, column, which);
        }
        if (any)
            html += fmt::format(
                "<tr><th scope=\"row\">{}</th>{}</tr>\n", kFigures[which].title, cells);
    }
    return html + "</tbody></table></div>\n" + notes_html(runs);
}

} // namespace ngpoll::cli
