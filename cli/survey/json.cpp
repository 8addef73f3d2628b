// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <ngpoll/version.h>

#include "../invocation.hpp"
#include "../json.hpp"
#include "outcome.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

std::optional<double> number(const json& from, const char* path)
{
    const json::json_pointer at(path);
    return from.contains(at) && from[at].is_number() ? std::optional(from[at].get<double>())
                                                     : std::nullopt;
}

step_figures bench_figures(const json& of)
{
    return {.iops = number(of, "/summary/iops"),
        .p50_ns = number(of, "/summary/latency_ns/p50"),
        .p99_ns = number(of, "/summary/latency_ns/p99"),
        .cpu_ns_per_io = number(of, "/summary/cpu_ns_per_io"),
        .inline_share = number(of, "/summary/inline_share"),
        .deferred_share = number(of, "/summary/deferred_share"),
        .errors = number(of, "/summary/errors").value_or(0)};
}

std::vector<step_figures> figures_in_bench(const json& root)
{
    std::vector<step_figures> all;
    if (!root.contains("sweep")) {
        all.push_back(bench_figures(root));
        return all;
    }
    for (const json& cell : root["sweep"]) {
        all.push_back(bench_figures(cell));
        for (const auto& [letter, value] : cell["values"].items())
            all.back().label += (all.back().label.empty() ? "" : " ") + letter + "=" + value.dump();
    }
    return all;
}

std::vector<step_figures> figures_in_fio(const json& root)
{
    if (!root.contains(json::json_pointer("/jobs/0/read")))
        return {};
    const json& job = root["jobs"][0];
    return {{.iops = number(job, "/read/iops"),
        .p50_ns = number(job, "/read/clat_ns/percentile/50.000000"),
        .p99_ns = number(job, "/read/clat_ns/percentile/99.000000"),
        .errors = number(job, "/total_err").value_or(0)}};
}

/// The mean of the lines "IOPS=322.26K, BW=...", one per second, without the first and the last.
std::optional<double> iops_of_t_io_uring(const std::string& printed)
{
    std::vector<double> lines;
    std::istringstream all(printed);
    for (std::string line; std::getline(all, line);) {
        if (!line.starts_with("IOPS="))
            continue;
        char* end = nullptr;
        const double value = std::strtod(line.c_str() + 5, &end);
        lines.push_back(value * (*end == 'K' ? 1e3 : *end == 'M' ? 1e6 : 1));
    }
    if (lines.size() > 2)
        lines = {lines.begin() + 1, lines.end() - 1};
    double sum = 0;
    for (const double each : lines)
        sum += each;
    return lines.empty() ? std::nullopt : std::optional(sum / static_cast<double>(lines.size()));
}

json step_json(const step_outcome& of)
{
    std::vector<const char*> words;
    words.reserve(of.step.words.size());
    for (const std::string& word : of.step.words)
        words.push_back(word.c_str());
    return {{"name", of.step.name}, {"title", of.step.title}, {"command_line", shell_text(words)},
        {"state", to_string(of.state)}, {"why", text_or_null(of.why)},
        {"result", of.result.empty() ? json(nullptr) : json::parse(of.result)}};
}

} // namespace

void read_output(step_outcome& outcome, const std::string& printed)
{
    json root;
    if (outcome.step.runs == survey_step::program::t_io_uring) {
        if (const auto iops = iops_of_t_io_uring(printed))
            root = {{"program", "t/io_uring"}, {"summary", {{"iops", *iops}}}};
    } else {
        // fio may print notes in front of its JSON object.
        root = json::parse(printed.substr(std::min(printed.find('{'), printed.size())), nullptr,
            /*allow_exceptions=*/false);
    }
    if (root.is_object()) {
        outcome.result = root.dump();
        outcome.figures = outcome.step.runs == survey_step::program::fio ? figures_in_fio(root)
                                                                         : figures_in_bench(root);
    }
    const bool has_iops = std::any_of(outcome.figures.begin(), outcome.figures.end(),
        [](const step_figures& each) { return each.iops.value_or(0) > 0; });
    if (has_iops || outcome.state != step_state::measured)
        return;
    outcome.state = step_state::failed;
    outcome.why = "it printed no result";
}

std::string survey_json(const survey_outcome& all)
{
    json root = {{"schema_version", 1}, {"ngpoll", NGPOLL_VERSION}, {"date", all.around.date},
        {"host", all.around.host}, {"kernel", all.around.kernel},
        {"processor", all.around.processor}, {"command_line", all.around.command_line},
        {"device",
            {{"path", all.device.path}, {"emulated", all.device.emulated},
                {"model", all.device.model}, {"serial", all.device.serial},
                {"firmware", all.device.firmware}, {"nsid", all.device.nsid},
                {"capacity_blocks", all.device.capacity_blocks},
                {"lba_bytes", all.device.lba_bytes},
                {"queue_depth_max", all.device.queue_depth_max}}},
        {"cut_short", all.cut_short}, {"claims", json::array()},
        {"doctor", all.doctor.empty() ? json(nullptr) : json::parse(all.doctor, nullptr, false)},
        {"steps", json::array()}};
    for (const claim& each : all.claims)
        root["claims"].push_back({{"name", each.name}, {"text", each.text},
            {"verdict", to_string(each.told)}, {"found", each.found}});
    for (const step_outcome& each : all.steps)
        root["steps"].push_back(step_json(each));
    return root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace ngpoll::cli
