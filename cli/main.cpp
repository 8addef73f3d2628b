// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/bench.hpp"
#include "drives.hpp"
#include "error_line.hpp"
#include "exit_status.hpp"
#include "first_steps.hpp"
#include "list/list.hpp"
#include "option_list.hpp"
#include "report/report.hpp"
#include "standard_streams.hpp"
#include "subcommand.hpp"
#include "text_output.hpp"
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

/// --help and --version, which CLI11 reports as errors with the status of success.
int print_answer(const CLI::App& app, const CLI::ParseError& answer)
{
    std::ostringstream text;
    app.exit(answer, text, text);
    return print_text(text.str());
}

int run_parsed(std::span<const subcommand> all)
{
    for (const subcommand& one : all) {
        if (!one.parser->parsed())
            continue;
        for (const std::string& note : repeated_options(*one.parser))
            print_note(note);
        return one.run();
    }
    std::vector<command_summary> commands;
    for (const subcommand& one : all)
        commands.push_back({one.parser->get_name(), one.parser->get_description()});
    return print_text(first_steps(commands, drives_here()));
}

int run_command(int argc, char** argv)
{
    prepare_standard_streams();
    CLI::App app("Polled NVMe passthrough I/O", "ngpoll");
    app.set_version_flag("--version", version_text());
    app.require_subcommand(0, 1);
    app.footer("'ngpoll COMMAND --help' explains a command, with examples.");
    const subcommand all[] = {
        add_bench(app),
        add_list(app),
        add_report(app),
    };
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)
            return print_answer(app, error);
        throw std::invalid_argument(refusal_text(app, error));
    }
    return run_parsed(all);
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
