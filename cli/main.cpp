// SPDX-License-Identifier: MIT
#include <exception>

#include <CLI/CLI.hpp>

#include "bench.hpp"
#include "error_line.hpp"
#include "exit_status.hpp"

int main(int argc, char** argv)
{
    CLI::App app("Polled NVMe passthrough I/O", "ngpoll");
    app.set_version_flag("--version", "ngpoll " NGPOLL_VERSION);
    app.require_subcommand(1);
    ngpoll::cli::bench_options options;
    CLI::App& bench = ngpoll::cli::add_bench(app, options);
    try {
        app.parse(argc, argv);
        if (bench.parsed())
            return ngpoll::cli::run_bench(options);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)
            return app.exit(error); // --help and --version
        ngpoll::cli::print_error(error);
        return ngpoll::cli::kExitRefused;
    } catch (const std::exception& error) {
        ngpoll::cli::print_error(error);
        return ngpoll::cli::kExitRefused;
    }
    return 0;
}
