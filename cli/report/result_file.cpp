// SPDX-License-Identifier: MIT
#include "result_file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

/// The value at a path like "summary.latency_ns.p50"; null if the file has none. Nothing that a
/// file holds is an error here.
const json& at_path(const json& from, std::string_view path)
{
    static const json kNothing;
    const json* at = &from;
    while (!path.empty()) {
        const std::size_t dot = path.find('.');
        const std::string key(path.substr(0, dot));
        if (!at->is_object() || !at->contains(key))
            return kNothing;
        at = &(*at)[key];
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    return *at;
}

std::optional<double> number_at(const json& from, std::string_view path)
{
    const json& value = at_path(from, path);
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text_at(const json& from, std::string_view path)
{
    const json& value = at_path(from, path);
    return value.is_string() ? value.get<std::string>() : "";
}

/// The array at `path`; an empty one if the file has none there.
const json& list_at(const json& from, std::string_view path)
{
    static const json kEmpty = json::array();
    const json& value = at_path(from, path);
    return value.is_array() ? value : kEmpty;
}

std::string scalar_text(const json& value)
{
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_boolean())
        return value.get<bool>() ? "yes" : "no";
    return value.dump();
}

/// Adds every scalar below `from` by its path, "device.model", and every list of scalars as one
/// line. Leaves out the keys in `skip`: they have sections of their own.
void add_environment(result_document& to, const json& from, const std::string& prefix,
    std::span<const std::string_view> skip)
{
    for (const auto& [key, value] : from.items()) {
        if (value.is_null() || std::find(skip.begin(), skip.end(), key) != skip.end())
            continue;
        const std::string name = prefix + key;
        if (value.is_object()) {
            add_environment(to, value, name + ".", {});
        } else if (!value.is_array()) {
            to.environment.emplace_back(name, scalar_text(value));
        } else if (!value.empty() && !value.front().is_structured()) {
            std::string all;
            for (const json& one : value)
                all += (all.empty() ? "" : ", ") + scalar_text(one);
            to.environment.emplace_back(name, all);
        }
    }
}

/// The percentage that a key names: 99.9 for "p99_9".
std::optional<double> percent_of_key(std::string_view key)
{
    if (!key.starts_with('p'))
        return std::nullopt;
    std::string digits(key.substr(1));
    std::replace(digits.begin(), digits.end(), '_', '.');
    double percent = 0;
    const auto [end, error]
        = std::from_chars(digits.data(), digits.data() + digits.size(), percent);
    if (error != std::errc{} || end != digits.data() + digits.size() || percent > 100)
        return std::nullopt;
    return percent;
}

std::vector<percentile_point> percentiles_of(const json& latency)
{
    std::vector<percentile_point> points;
    if (!latency.is_object())
        return points;
    for (const auto& [key, value] : latency.items())
        if (const auto percent = percent_of_key(key); percent && value.is_number())
            points.push_back({*percent, value.get<double>()});
    std::sort(points.begin(), points.end(),
        [](const auto& a, const auto& b) { return a.percent < b.percent; });
    return points;
}

std::vector<measured_interval> intervals_of(const json& list)
{
    std::vector<measured_interval> intervals;
    double until = 0;
    for (const json& one : list) {
        const double seconds = number_at(one, "seconds").value_or(0);
        until = number_at(one, "time").value_or(until + seconds);
        intervals.push_back({.until_s = until,
            .seconds = seconds,
            .iops = number_at(one, "iops"),
            .p50_ns = number_at(one, "latency_ns.p50"),
            .p99_ns = number_at(one, "latency_ns.p99")});
    }
    return intervals;
}

measured_run bench_run_of(const json& part, std::string label)
{
    measured_run run;
    run.label = std::move(label);
    for (std::size_t i = 0; i < kFigureCount; ++i) {
        run.figures[i].value = number_at(part, kFigures[i].path);
        for (const json& repetition : list_at(part, "repetitions"))
            if (const auto value = number_at(repetition, kFigures[i].path))
                run.figures[i].repetitions.push_back(*value);
    }
    run.percentiles = percentiles_of(at_path(part, "summary.latency_ns"));
    run.intervals = intervals_of(list_at(part, "intervals"));
    return run;
}

bool is_run(const json& value) { return number_at(value, "summary.iops").has_value(); }

/// The name of a part among several: the queues that were asked for.
std::string part_name(const json& part, std::size_t number)
{
    const std::string queues = text_at(part, "layout.queues_asked");
    return queues.empty() ? fmt::format("part {}", number + 1) : queues;
}

void add_bench_runs(result_document& to, const json& root)
{
    if (is_run(root))
        to.runs.push_back(bench_run_of(root, to.name));
    const json& parts = list_at(root, "parts");
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (is_run(parts[i]))
            to.runs.push_back(
                bench_run_of(parts[i], fmt::format("{}: {}", to.name, part_name(parts[i], i))));
    to.interleaved = parts.size() > 1;
    for (const json& cell : list_at(root, "sweep")) {
        if (!is_run(cell) || !at_path(cell, "values").is_object())
            continue;
        measured_run run = bench_run_of(cell, to.name);
        for (const auto& [letter, value] : at_path(cell, "values").items())
            run.coordinates.emplace_back(letter, scalar_text(value));
        to.runs.push_back(std::move(run));
    }
}

void add_findings(result_document& to, const json& checks)
{
    for (const json& check : checks)
        to.findings.push_back({.name = text_at(check, "name"),
            .state = text_at(check, "state"),
            .found = text_at(check, "found"),
            .why = text_at(check, "why"),
            .fix = text_at(check, "fix")});
}

void add_steps(result_document& to, const json& survey);

result_document ngpoll_result(std::string name, const json& root)
{
    constexpr std::string_view kOwnSection[]
        = {"summary", "errors", "threads", "intervals", "comparison", "parts", "queues", "layout",
            "repetitions", "sweep", "checks", "doctor", "steps", "claims"};
    result_document result;
    result.name = std::move(name);
    result.program = "ngpoll " + text_at(root, "ngpoll");
    const json& emulated = at_path(root, "device.emulated");
    result.emulated = emulated.is_boolean() && emulated.get<bool>();
    add_bench_runs(result, root);
    add_steps(result, root);
    add_findings(result, list_at(root, "checks"));
    add_findings(result, list_at(root, "doctor.checks"));
    add_environment(result, root, "", kOwnSection);
    return result;
}

void set_figure(measured_run& run, std::string_view path, std::optional<double> value)
{
    const auto* const found = std::find_if(std::begin(kFigures), std::end(kFigures),
        [&](const figure_kind& kind) { return kind.path == path; });
    run.figures[static_cast<std::size_t>(found - std::begin(kFigures))].value = value;
}

void set_fio_latency(measured_run& run, const json& direction)
{
    // fio prints the percentiles of clat, unless the job asked for those of lat.
    const bool whole = at_path(direction, "lat_ns.percentile").is_object();
    const json& latency = at_path(direction, whole ? "lat_ns" : "clat_ns");
    run.latency_name = whole ? "fio's lat, from submission to completion"
                             : "fio's clat, which leaves out the time of the submission";
    set_figure(run, "summary.latency_ns.mean", number_at(latency, "mean"));
    set_figure(run, "summary.latency_ns.max", number_at(latency, "max"));
    const json& percentiles = at_path(latency, "percentile");
    if (!percentiles.is_object())
        return;
    for (const auto& [percent, ns] : percentiles.items())
        if (const auto value = percent_of_key("p" + percent); value && ns.is_number())
            run.percentiles.push_back({*value, ns.get<double>()});
    for (const auto& [percent, path] : {std::pair("50.000000", "summary.latency_ns.p50"),
             std::pair("99.000000", "summary.latency_ns.p99"),
             std::pair("99.900000", "summary.latency_ns.p99_9"),
             std::pair("99.990000", "summary.latency_ns.p99_99")})
        if (percentiles.contains(percent) && percentiles[percent].is_number())
            set_figure(run, path, percentiles[percent].get<double>());
}

/// The job's processor time, divided by its I/Os of all kinds. fio's percentages are of the run
/// time of all threads of the job together.
std::optional<double> fio_cpu_ns_per_io(const json& job)
{
    double ios = 0;
    for (const char* what : {"read", "write", "trim"})
        ios += number_at(at_path(job, what), "total_ios").value_or(0);
    const auto user = number_at(job, "usr_cpu");
    const auto system = number_at(job, "sys_cpu");
    const auto runtime_ms = number_at(job, "job_runtime");
    if (!user || !system || !runtime_ms || ios <= 0)
        return std::nullopt;
    return (*user + *system) / 100 * *runtime_ms * 1e6 / ios;
}

/// fio lists the reads, writes and trims of a job separately. Most jobs did only one kind of I/O.
void add_fio_run(result_document& to, const json& job, const char* what)
{
    const json& direction = at_path(job, what);
    if (number_at(direction, "total_ios").value_or(0) <= 0)
        return;
    measured_run run;
    run.label = fmt::format("{}: {}, {}", to.name, text_at(job, "jobname"), what);
    set_figure(run, "summary.iops", number_at(direction, "iops"));
    set_figure(run, "summary.bytes_per_second", number_at(direction, "bw_bytes"));
    set_figure(run, "summary.errors", number_at(job, "total_err"));
    set_figure(run, "summary.cpu_ns_per_io", fio_cpu_ns_per_io(job));
    set_fio_latency(run, direction);
    to.runs.push_back(std::move(run));
}

result_document fio_result(std::string name, const json& root)
{
    constexpr std::string_view kOwnSection[] = {"jobs", "disk_util", "client_stats"};
    result_document result;
    result.name = std::move(name);
    result.program = text_at(root, "fio version");
    for (const char* list : {"jobs", "client_stats"})
        for (const json& job : list_at(root, list))
            for (const char* what : {"read", "write", "trim"})
                add_fio_run(result, job, what);
    add_environment(result, root, "", kOwnSection);
    const json& jobs = list_at(root, "jobs");
    if (!jobs.empty() && at_path(jobs.front(), "job options").is_object())
        add_environment(result, at_path(jobs.front(), "job options"), "options.", {});
    return result;
}

/// Each measurement of a survey is a result of its own.
void add_steps(result_document& to, const json& survey)
{
    for (const json& step : list_at(survey, "steps")) {
        const json& found = at_path(step, "result");
        if (!found.is_object())
            continue;
        result_document measured = found.contains("fio version")
            ? fio_result(text_at(step, "title"), found)
            : ngpoll_result(text_at(step, "title"), found);
        std::move(measured.runs.begin(), measured.runs.end(), std::back_inserter(to.runs));
    }
    for (const json& claim : list_at(survey, "claims"))
        to.claims.push_back({.text = text_at(claim, "text"),
            .verdict = text_at(claim, "verdict"),
            .found = text_at(claim, "found")});
}

std::string read_all(const std::string& path)
{
    const auto close = [](std::FILE* file) {
        if (file != stdin)
            std::fclose(file);
    };
    const std::unique_ptr<std::FILE, decltype(close)> file(
        path == "-" ? stdin : std::fopen(path.c_str(), "re"), close);
    std::string text;
    char buffer[65536];
    std::size_t got = file ? sizeof buffer : 0;
    while (got == sizeof buffer) {
        got = std::fread(buffer, 1, sizeof buffer, file.get());
        text.append(buffer, got);
    }
    if (!file || std::ferror(file.get()) != 0)
        throw std::system_error(errno, std::system_category(),
            fmt::format("{} cannot be read; give files that ngpoll bench --json wrote", path));
    return text;
}

std::string name_of(const std::string& path)
{
    if (path == "-")
        return "standard input";
    const std::filesystem::path file(path);
    return (file.extension() == ".json" ? file.stem() : file.filename()).string();
}

} // namespace

result_document parse_result(const std::string& name, std::string_view text)
{
    // fio may print notes in front of its JSON object.
    const std::size_t start = text.find('{');
    const json root
        = json::parse(start == std::string_view::npos ? text : text.substr(start), nullptr, false);
    if (!root.is_object())
        throw std::invalid_argument(
            "not JSON; give a file that ngpoll bench --json or fio --output-format=json wrote");
    result_document result
        = root.contains("fio version") ? fio_result(name, root) : ngpoll_result(name, root);
    if (result.runs.empty() && result.findings.empty())
        throw std::invalid_argument(
            "it holds no result of ngpoll bench, doctor or survey, or of fio; give a file that "
            "--json or --output-format=json wrote");
    return result;
}

result_document read_result(const std::string& path)
{
    const std::string text = read_all(path);
    try {
        return parse_result(name_of(path), text);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(path + ": " + error.what());
    }
}

} // namespace ngpoll::cli
