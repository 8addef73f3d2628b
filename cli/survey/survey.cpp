// SPDX-License-Identifier: MIT
#include "survey.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../output_file.hpp"
#include "../report/page.hpp"
#include "../report/result_file.hpp"
#include "../stop_signals.hpp"
#include "../text_output.hpp"
#include "child_process.hpp"
#include "outcome.hpp"
#include "plan.hpp"

namespace ngpoll::cli {

namespace {

constexpr const char* kFooter
    = R"(survey only reads. Each measurement runs a command, which is in the file.
Exit status: 0; 1 when something failed, or a sentence of the README does not
hold on this drive; 2 when it could not run.
Examples:
  ngpoll survey /dev/ng0n1 --json survey.json -o survey.html
  ngpoll survey --quick --json survey.json /dev/ng0n1)";

/// The path of this program. It works even after the program's file was replaced.
constexpr const char* kThisProgram = "/proc/self/exe";

/// The last line of an error, without the program's name.
std::string reason_of(const child_result& ended)
{
    std::string text = ended.err.substr(0, ended.err.find_last_not_of('\n') + 1);
    text = text.substr(text.rfind('\n') + 1);
    if (text.starts_with("ngpoll: "))
        text.erase(0, 8);
    if (!text.empty())
        return text;
    return ended.ended_as == child_result::ending::killed
        ? fmt::format("signal {}", ended.code)
        : fmt::format("exit status {}", ended.code);
}

child_result run_words(std::vector<std::string> words, double seconds, const stop_signals& signals)
{
    const bool own = words.front() == "ngpoll";
    if (own)
        words.front() = kThisProgram;
    // Time for set-up, for warm-up and for the last answers of a slow drive.
    constexpr double kSpareSeconds = 60;
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(2 * seconds + kSpareSeconds));
    return run_child(words, {.time = limit, .may_kill = !own}, signals);
}

step_outcome run_step(const survey_step& step, const stop_signals& signals)
{
    step_outcome outcome{.step = step, .why = step.left_out};
    if (!step.left_out.empty())
        return outcome;
    const child_result ended = run_words(step.words, step.measurements * step.seconds, signals);
    using ending = child_result::ending;
    if (ended.ended_as == ending::missing) {
        outcome.why = fmt::format("{} is not installed", step.words.front());
        return outcome;
    }
    if (ended.ended_as == ending::exited && ended.code == kExitRefused
        && step.runs == survey_step::program::bench) {
        outcome.state = step_state::refused;
        outcome.why = reason_of(ended);
        return outcome;
    }
    outcome.state = step_state::measured;
    if (ended.ended_as == ending::abandoned)
        outcome.why = "it did not end even when it was killed";
    else if (ended.overdue)
        outcome.why = "it did not end in time";
    else if (ended.ended_as != ending::exited || ended.code != 0)
        outcome.why = reason_of(ended);
    if (!outcome.why.empty())
        outcome.state = step_state::failed;
    read_output(outcome, ended.out);
    return outcome;
}

/// Runs doctor and returns its findings. doctor cannot check an emulated drive; it then checks the
/// machine alone.
std::string examine(const namespace_info& device, const stop_signals& signals)
{
    std::vector<std::string> words{"ngpoll", "doctor", "--json"};
    if (!device.emulated)
        words.push_back(device.path);
    const child_result ended = run_words(words, 0, signals);
    return ended.ended_as == child_result::ending::exited && ended.code != kExitRefused ? ended.out
                                                                                        : "";
}

survey_outcome run_all(const survey_options& options, const namespace_info& device,
    const stop_signals& signals, text_output& out)
{
    survey_outcome all{.around = look_around(), .device = device};
    const std::vector<survey_step> steps = plan_survey(options, device);
    double seconds = 0;
    for (const survey_step& step : steps)
        seconds += step.left_out.empty() ? step.measurements * step.seconds : 0;
    out.print(fmt::format("{}{}: {} steps, {:.0f} s\n", device.emulated ? "emulated " : "",
        device.path, steps.size(), seconds));
    all.doctor = examine(device, signals);
    for (const survey_step& step : steps) {
        if (signals.came() || out.failed())
            break;
        out.print(step.title + "\n");
        all.steps.push_back(run_step(step, signals));
        out.print(step_text(all.steps.back()));
    }
    all.cut_short = all.steps.size() != steps.size() || signals.came();
    all.claims = try_claims(all.steps, device);
    out.print(claims_text(all.claims));
    return all;
}

bool ended_well(const survey_outcome& all)
{
    return !all.cut_short
        && std::none_of(all.steps.begin(), all.steps.end(),
            [](const step_outcome& each) { return each.state == step_state::failed; })
        && std::none_of(all.claims.begin(), all.claims.end(),
            [](const claim& each) { return each.told == claim::verdict::does_not_hold; });
}

int run_survey(const survey_options& options)
{
    if (options.devices.size() != 1)
        throw std::invalid_argument(
            "survey: give one DEVICE, as `ngpoll list` prints it: ngpoll survey /dev/ng0n1 --json "
            "survey.json");
    if (options.json_path.empty())
        throw std::invalid_argument(
            "survey: give --json FILE for the results; - is standard output");
    // The drive is closed again at once, because the measurements open it.
    const namespace_info device = nvme_namespace::open(options.devices.front()).info();
    output_file json("--json", options.json_path);
    output_file page("-o", options.report_path);
    if (json.is_standard_output() && page.is_standard_output())
        throw std::invalid_argument("only one of --json and -o can go to standard output; give a "
                                    "file for the other");
    text_output out(json.is_standard_output() || page.is_standard_output() ? stderr : stdout);
    const stop_signals signals; // in force until the files are complete
    const survey_outcome all = run_all(options, device, signals, out);
    const std::string text = survey_json(all);
    std::vector<std::string> failures;
    const auto write = [&](output_file& file, const auto& make) {
        try {
            file.finish(make());
        } catch (const std::exception& error) {
            failures.push_back(error_text(error));
        }
    };
    write(json, [&]() -> const std::string& { return text; });
    if (!options.report_path.empty())
        write(page, [&] {
            const result_document read[] = {parse_result("survey", text)};
            return report_page(read);
        });
    if (out.failed())
        failures.push_back(out.failure_text());
    if (!failures.empty())
        print_error(fmt::format("{}", fmt::join(failures, "; and ")));
    return failures.empty() && ended_well(all) ? kExitSuccess : kExitFailed;
}

} // namespace

const step_figures* figures_of(
    const std::vector<step_outcome>& outcomes, std::string_view name) noexcept
{
    const auto found = std::find_if(outcomes.begin(), outcomes.end(), [&](const auto& each) {
        return each.step.name == name && each.state == step_state::measured;
    });
    return found == outcomes.end() || found->figures.empty() ? nullptr : &found->figures.front();
}

subcommand add_survey(CLI::App& app)
{
    const auto options = std::make_shared<survey_options>();
    option_list survey(app, "survey", "Measure in ten minutes what a drive can do");
    survey.arguments("DEVICE", options->devices, "A namespace, /dev/ng0n1, or emu:");
    survey.text("--json", [options](const std::string& path) { options->json_path = path; },
        {.type = "FILE", .default_text = "", .help = "All results; - is standard output"});
    survey.text("-o,--output", [options](const std::string& path) { options->report_path = path; },
        {.type = "FILE",
            .default_text = "",
            .help = "A page with the results; - is standard output"});
    survey.flag("--quick", options->quick, "One minute instead of ten");
    survey.seconds("-r,--runtime", options->seconds, "How long each measurement runs");
    survey.bytes("-b,--block-size", options->block_bytes, "Bytes of a read; 0: one logical block");
    survey.text("--t-io-uring", [options](const std::string& path) { options->t_io_uring = path; },
        {.type = "FILE", .default_text = "", .help = "Also measure this t/io_uring of fio"});
    survey.footer(kFooter);
    return {.parser = survey.parser(), .run = [options] { return run_survey(*options); }};
}

} // namespace ngpoll::cli
