// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "html.hpp"
#include "sections.hpp"

namespace ngpoll::cli {

namespace {

/// The style class of a state. Any other word from a file has none.
std::string_view state_class(std::string_view state)
{
    constexpr std::string_view kStates[] = {"ok", "slow", "unsafe", "unknown"};
    const auto* const found = std::find(std::begin(kStates), std::end(kStates), state);
    return found == std::end(kStates) ? std::string_view{} : *found;
}

std::string_view verdict_class(std::string_view verdict)
{
    if (verdict == "holds")
        return "ok";
    return verdict == "does not hold" ? "unsafe" : "unknown";
}

std::string finding_html(const doctor_finding& finding)
{
    const std::string fix
        = finding.fix.empty() ? "" : "<br><code>" + html_escaped(finding.fix) + "</code>";
    return fmt::format("<tr><th scope=\"row\">{}</th><td><span class=\"state {}\">{}</span></td>"
                       "<td>{}</td><td>{}{}</td></tr>\n",
        html_escaped(finding.name), state_class(finding.state), html_escaped(finding.state),
        html_escaped(finding.found), html_escaped(finding.why), fix);
}

/// The order of the findings: unsafe, slow, ok, unknown.
int urgency(const doctor_finding& finding)
{
    if (finding.state == "unsafe")
        return 0;
    if (finding.state == "slow")
        return 1;
    return finding.state == "unknown" ? 3 : 2;
}

std::string value_of(const result_document& document, const std::string& name)
{
    for (const auto& [known, value] : document.environment)
        if (known == name)
            return html_escaped(value);
    return "";
}

} // namespace

std::string claims_section(std::span<const result_document> documents)
{
    std::string html;
    for (const result_document& document : documents) {
        if (document.claims.empty())
            continue;
        if (documents.size() > 1)
            html += fmt::format("<h3>{}</h3>\n", html_escaped(document.name));
        html += "<div class=\"wide\"><table class=\"facts\">\n<thead><tr><th scope=\"col\">claim"
                "</th><th scope=\"col\">verdict</th><th scope=\"col\">found</th></tr></thead>\n"
                "<tbody>\n";
        for (const tried_claim& each : document.claims)
            html
                += fmt::format("<tr><th scope=\"row\">{}</th><td><span class=\"state {}\">{}</span>"
                               "</td><td>{}</td></tr>\n",
                    html_escaped(each.text), verdict_class(each.verdict),
                    html_escaped(each.verdict), html_escaped(each.found));
        html += "</tbody></table></div>\n";
    }
    return html.empty() ? "" : "<h2>What the README says, on this drive</h2>\n" + html;
}

std::string findings_section(std::span<const result_document> documents)
{
    std::string html;
    for (const result_document& document : documents) {
        if (document.findings.empty())
            continue;
        std::vector<doctor_finding> sorted = document.findings;
        std::stable_sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return urgency(a) < urgency(b); });
        if (documents.size() > 1)
            html += fmt::format("<h3>{}</h3>\n", html_escaped(document.name));
        html += "<div class=\"wide\"><table class=\"facts\">\n<thead><tr><th scope=\"col\">check"
                "</th><th scope=\"col\">state</th><th scope=\"col\">found</th>"
                "<th scope=\"col\">why it matters, and how to fix it</th></tr></thead>\n<tbody>\n";
        for (const doctor_finding& finding : sorted)
            html += finding_html(finding);
        html += "</tbody></table></div>\n";
    }
    return html.empty() ? "" : "<h2>What the doctor found</h2>\n" + html;
}

std::string environment_section(std::span<const result_document> documents)
{
    // The names, in the order of their first appearance.
    std::vector<std::string> names;
    for (const result_document& document : documents)
        for (const auto& [name, value] : document.environment)
            if (std::find(names.begin(), names.end(), name) == names.end())
                names.push_back(name);
    if (names.empty())
        return "";
    std::string html = "<h2>Environment</h2>\n<div class=\"wide\"><table class=\"facts\">\n"
                       "<thead><tr><th></th>";
    for (const result_document& document : documents)
        html += fmt::format("<th scope=\"col\">{}</th>", html_escaped(document.name));
    html += "</tr></thead>\n<tbody>\n";
    for (const std::string& name : names) {
        html += fmt::format("<tr><th scope=\"row\">{}</th>", html_escaped(name));
        for (const result_document& document : documents)
            html += fmt::format("<td>{}</td>", value_of(document, name));
        html += "</tr>\n";
    }
    return html + "</tbody></table></div>\n";
}

} // namespace ngpoll::cli
