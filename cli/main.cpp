// SPDX-License-Identifier: MIT
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench.hpp"
#include "exit_status.hpp"

namespace {

int report_bad_input(const std::exception& error)
{
    fmt::print(stderr, "ngpoll: {}\n", error.what());
    return ngpoll::cli::kExitBadInput;
}

} // namespace

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
        return report_bad_input(error);
    } catch (const std::exception& error) {
        return report_bad_input(error);
    }
    return 0;
}
