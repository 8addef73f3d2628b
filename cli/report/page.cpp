// SPDX-License-Identifier: MIT
#include "page.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <ngpoll/version.h>

#include "assets.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace ngpoll::cli {

namespace {

/// The columns of the page: all runs but the cells of sweeps, which have a matrix of their own.
std::vector<page_run> columns_of(std::span<const result_document> documents)
{
    std::vector<page_run> columns;
    for (const result_document& document : documents)
        for (const measured_run& run : document.runs)
            if (run.coordinates.empty())
                columns.push_back({&run, &document, columns.size()});
    return columns;
}

std::string title_of(std::span<const result_document> documents)
{
    std::string names;
    for (const result_document& document : documents) {
        if (!names.empty())
            names += ", ";
        names += html_escaped(document.name);
    }
    return names;
}

/// The page begins with this warning, as `bench` does: an emulated drive says nothing about drives.
std::string emulated_html(std::span<const result_document> documents)
{
    std::string html;
    for (const result_document& document : documents)
        if (document.emulated)
            html
                += fmt::format("<p class=\"emulated\"><strong>{} is of an emulated drive</strong>: "
                               "its figures are what the engine and this processor do by "
                               "themselves, without a kernel and without a drive.</p>\n",
                    html_escaped(document.name));
    return html;
}

constexpr const char* kPolicy = "default-src 'none'; script-src 'unsafe-inline'; "
                                "style-src 'unsafe-inline'";

} // namespace

std::string report_page(std::span<const result_document> documents)
{
    const std::vector<page_run> columns = columns_of(documents);
    const std::string title = title_of(documents);
    std::string html = fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                   "<meta charset=\"utf-8\">\n"
                                   "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
                                   "<meta name=\"viewport\" content=\"width=device-width\">\n"
                                   "<meta name=\"generator\" content=\"ngpoll " NGPOLL_VERSION
                                   "\">\n<title>{} - ngpoll report</title>\n<style>\n",
        kPolicy, title);
    html += page_style();
    html += fmt::format("</style>\n</head>\n<body>\n<h1>{}</h1>\n", title);
    html += emulated_html(documents);
    html += claims_section(documents);
    html += figures_section(columns);
    html += bars_section(columns);
    html += time_section(columns);
    html += percentile_section(columns);
    html += sweep_section(documents);
    html += findings_section(documents);
    html += environment_section(documents);
    html += "<footer>Written by ngpoll " NGPOLL_VERSION
            ". The charts are drawn by Chart.js (MIT licence), which is part of this "
            "page.</footer>\n"
            "<script>\n";
    html += chart_library();
    html += "\n</script>\n<script>\n";
    html += page_script();
    html += "</script>\n</body>\n</html>\n";
    return html;
}

} // namespace ngpoll::cli
