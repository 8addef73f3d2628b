// SPDX-License-Identifier: MIT
#include "first_steps.hpp"

#include <iterator>

#include <fmt/format.h>

namespace ngpoll::cli {

std::string first_steps(
    std::span<const command_summary> commands, std::span<const std::string> drives)
{
    std::string text = "What you can do next:\n\n";
    auto out = std::back_inserter(text);
    fmt::format_to(
        out, "  {:<27} measures an emulated drive: no drive is needed\n", "ngpoll bench");
    for (const std::string& drive : drives)
        fmt::format_to(out, "  {:<27} reads at random from that drive for ten seconds\n",
            "ngpoll bench " + drive);
    if (drives.empty())
        text += "  (there is no NVMe drive here: no /dev/ng*)\n";
    text += "\nAll commands ('ngpoll COMMAND --help' explains one, with examples):\n\n";
    for (const command_summary& each : commands)
        fmt::format_to(out, "  {:<27} {}\n", each.name, each.description);
    return text;
}

} // namespace ngpoll::cli
