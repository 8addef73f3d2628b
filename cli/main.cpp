// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <sstream>

#include <CLI/CLI.hpp>

#include "bench/bench.hpp"
#include "error_line.hpp"
#include "exit_status.hpp"
#include "standard_streams.hpp"
#include "subcommand.hpp"
#include "text_output.hpp"

namespace ngpoll::cli {

namespace {

/// --help and --version, which CLI11 reports as errors with the status of success.
int print_answer(const CLI::App& app, const CLI::ParseError& answer)
{
    std::ostringstream text;
    app.exit(answer, text, text);
    text_output out(stdout);
    out.print(text.str());
    if (!out.failed())
        return kExitSuccess;
    print_error(out.failure_text());
    return kExitFailed;
}

int run_command(int argc, char** argv)
{
    prepare_standard_streams();
    CLI::App app("Polled NVMe passthrough I/O", "ngpoll");
    app.set_version_flag("--version", "ngpoll " NGPOLL_VERSION);
    app.require_subcommand(1);
    const subcommand all[] = {
        add_bench(app),
    };
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)
            return print_answer(app, error);
        throw;
    }
    for (const subcommand& one : all)
        if (one.parser->parsed())
            return one.run();
    return kExitSuccess; // require_subcommand() leaves none out
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
