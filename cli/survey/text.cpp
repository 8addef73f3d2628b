// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "../report/sections.hpp"
#include "outcome.hpp"

namespace ngpoll::cli {

namespace {

std::string figures_text(const step_figures& of)
{
    std::string text = of.label.empty() ? "" : of.label + ": ";
    text += of.iops ? figure_text(*of.iops, figure_unit::count) + " IOPS" : "no IOPS";
    if (of.p50_ns && of.p99_ns)
        text += fmt::format(", p50 {}, p99 {}", figure_text(*of.p50_ns, figure_unit::nanoseconds),
            figure_text(*of.p99_ns, figure_unit::nanoseconds));
    if (of.cpu_ns_per_io)
        text += fmt::format(", {} of processor time per I/O",
            figure_text(*of.cpu_ns_per_io, figure_unit::nanoseconds));
    if (of.errors != 0)
        text += fmt::format(", {:.0f} errors", of.errors);
    return text;
}

} // namespace

std::string_view to_string(step_state state) noexcept
{
    switch (state) {
    case step_state::measured: return "measured";
    case step_state::failed: return "failed";
    case step_state::refused: return "refused";
    case step_state::left_out: return "left out";
    }
    return "left out";
}

std::string step_text(const step_outcome& outcome)
{
    std::string text;
    if (outcome.state != step_state::measured)
        text = fmt::format("  {}: {}\n", to_string(outcome.state), outcome.why);
    for (const step_figures& each : outcome.figures)
        text += fmt::format("  {}\n", figures_text(each));
    return text;
}

std::string claims_text(const std::vector<claim>& claims)
{
    std::string text = "What the README says, on this drive:\n";
    for (const claim& each : claims)
        text += fmt::format("  {:<13}  {} ({})\n", to_string(each.told), each.text, each.found);
    return text;
}

} // namespace ngpoll::cli
