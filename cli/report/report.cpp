// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../output_file.hpp"
#include "../text_output.hpp"
#include "page.hpp"
#include "result_file.hpp"

namespace ngpoll::cli {

namespace {

constexpr const char* kExamples = R"(Examples:
  ngpoll report result.json -o report.html
                                       one result: figures, charts, environment
  ngpoll report before.json after.json fio.json -o report.html
                                       side by side, with the differences

Exit status: 0; 1 when the page could not be written; 2 when it could not run.)";

struct report_options {
    std::vector<std::string> results;
    std::string output;
};

int run_report(const report_options& options)
{
    if (options.results.empty())
        throw std::invalid_argument(
            "report: give at least one RESULT, a file that bench --json wrote");
    if (options.output.empty())
        throw std::invalid_argument(
            "report: give -o FILE, the page to write; - is standard output");
    std::vector<result_document> documents;
    documents.reserve(options.results.size());
    for (const std::string& path : options.results)
        documents.push_back(read_result(path));
    output_file page("-o", options.output);
    const std::string html = report_page(documents);
    try {
        page.finish(html);
    } catch (const std::exception& error) {
        print_error(error);
        return kExitFailed;
    }
    if (page.is_standard_output())
        return kExitSuccess;
    text_output out(stdout);
    out.print(fmt::format("{}: {} result{}, {} KiB; open it in a browser\n", options.output,
        documents.size(), documents.size() == 1 ? "" : "s", html.size() / 1024));
    if (!out.failed())
        return kExitSuccess;
    print_error(out.failure_text());
    return kExitFailed;
}

} // namespace

subcommand add_report(CLI::App& app)
{
    const auto options = std::make_shared<report_options>();
    option_list report(app, "report", "Show results as one page, side by side");
    report.arguments("RESULT", options->results,
        "A file that bench, doctor or survey wrote with --json, or fio with --output-format=json; "
        "- is standard input");
    report.text("-o,--output", [options](const std::string& path) { options->output = path; },
        {.type = "FILE", .default_text = "", .help = "The page; - is standard output"});
    report.footer(kExamples);
    return {.parser = report.parser(), .run = [options] { return run_report(*options); }};
}

} // namespace ngpoll::cli
