// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

constexpr std::size_t kColumns = 80;
constexpr const char* kIndent = "        "; ///< as wide as the column of states

/// Wraps `words` at kColumns. The first line begins with `first`; the others are indented as far.
std::string wrapped(std::string first, const std::string& words)
{
    const std::string below(first.size(), ' ');
    std::string text;
    std::string line = std::move(first);
    bool has_word = false;
    std::istringstream each(words);
    for (std::string word; each >> word; has_word = true) {
        if (has_word && line.size() + 1 + word.size() > kColumns) {
            text += line + '\n';
            line = below;
            has_word = false;
        }
        line += has_word ? " " + word : word;
    }
    return text + line + '\n';
}

} // namespace

std::string doctor_text(const std::vector<check>& checks)
{
    std::string text;
    std::string device;
    for (const check& each : checks) {
        if (each.device != device) {
            device = each.device;
            text += device + '\n';
        }
        text += wrapped(fmt::format("{:<8}", to_string(each.told.state)),
            fmt::format("{}: {}", each.name, each.told.found));
        text += wrapped(fmt::format("{}why: ", kIndent), each.why);
        // The fix stays on one line, so that it can be copied.
        if (!each.told.fix.empty())
            text += fmt::format("{}fix: {}\n", kIndent, each.told.fix);
    }
    const auto count = [&](check_state state) {
        return std::count_if(checks.begin(), checks.end(),
            [&](const check& each) { return each.told.state == state; });
    };
    return text
        + fmt::format("{} unsafe, {} slow, {} unknown, {} ok\n", count(check_state::unsafe),
            count(check_state::slow), count(check_state::unknown), count(check_state::ok));
}

} // namespace ngpoll::cli
