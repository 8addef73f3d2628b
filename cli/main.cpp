// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <ngpoll/drives.hpp>

#include "bench/bench.hpp"
#include "doctor/doctor.hpp"
#include "error_line.hpp"
#include "exit_status.hpp"
#include "first_steps.hpp"
#include "invocation.hpp"
#include "list/list.hpp"
#include "option_list.hpp"
#include "report/report.hpp"
#include "standard_streams.hpp"
#include "subcommand.hpp"
#include "survey/survey.hpp"
#include "text_output.hpp"
#include "verify/verify.hpp"
#include "version.hpp"

namespace ngpoll::cli {

namespace {

int print_text(const std::string& text)
{
    text_output out(stdout);
    out.print(text);
    if (!out.failed())
        return kExitSuccess;
    print_error(out.failure_text());
    return kExitFailed;
}

std::vector<std::string> drive_paths()
{
    std::vector<std::string> paths;
    for (const drive_info& each : find_drives().drives)
        paths.push_back(each.path);
    return paths;
}

int run_parsed(std::span<const subcommand> all)
{
    std::vector<command_summary> commands;
    for (const subcommand& one : all) {
        commands.push_back(summary_of(*one.parser));
        if (!commands.back().given)
            continue;
        for (const std::string& note : repeated_options(*one.parser))
            print_note(note);
        return one.run();
    }
    return print_text(first_steps(commands, drive_paths()));
}

int run_command(int argc, char** argv)
{
    prepare_standard_streams();
    record_invocation(argc, argv);
    application command("ngpoll", "Polled NVMe passthrough I/O", version_text());
    CLI::App& app = command.app();
    const subcommand all[] = {
        add_bench(app),
        add_doctor(app),
        add_list(app),
        add_report(app),
        add_survey(app),
        add_verify(app),
    };
    const std::string answer = command.parse(argc, argv);
    return answer.empty() ? run_parsed(all) : print_text(answer);
}

} // namespace

} // namespace ngpoll::cli

int main(int argc, char** argv)
{
    try {
        return ngpoll::cli::run_command(argc, argv);
    } catch (const std::exception& error) {
        ngpoll::cli::print_error(error);
        return ngpoll::cli::kExitRefused;
    }
}
