// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <ngpoll/kernel_faults.hpp>

namespace ngpoll::cli {

namespace {

using condition = kernel_fault::condition;

bool meets(const drive_path& path, const path_settings& settings, condition needs)
{
    switch (needs) {
    case condition::any: return true;
    case condition::tcp: return path.controller.transport == "tcp";
    case condition::scheduler: return !settings.scheduler.empty() && settings.scheduler != "none";
    }
    return true;
}

/// The block devices that meet a fault's condition.
std::vector<std::string> met_by(const examined_system& all, condition needs)
{
    std::vector<std::string> names;
    for (const examined_drive& each : all.drives)
        for (std::size_t i = 0; i < each.settings.size(); ++i)
            if (meets(each.found.paths[i], each.settings[i], needs))
                names.push_back(each.found.paths[i].block_device);
    return names;
}

std::string fix_for(std::string_view fix, const std::vector<std::string>& names)
{
    std::string text(fix);
    if (const auto at = text.find("NAME"); at != std::string::npos && !names.empty())
        text.replace(at, 4, names.front());
    return text;
}

diagnosis look(const examined_system& all, const kernel_fault& fault)
{
    const std::string kernel = "Linux " + all.host.kernel_release;
    const fault_answer answer = has_fault(all.host, fault);
    if (answer == fault_answer::no)
        return {check_state::ok, fmt::format("{} does not have it", kernel), {}};
    const std::vector<std::string> names = met_by(all, fault.needs);
    if (fault.needs != condition::any) {
        const char* const what
            = fault.needs == condition::tcp ? "is reached over TCP" : "has an I/O scheduler";
        if (all.drives.empty())
            return {
                check_state::unknown, fmt::format("give a DEVICE to see if a drive {}", what), {}};
        if (names.empty())
            return {check_state::ok, fmt::format("no drive {}", what), {}};
    }
    if (answer == fault_answer::unsure)
        return {check_state::unknown, fmt::format("{} may have it ({})", kernel, fault.source),
            fix_for(fault.fix, names)};
    return {fault.only_slow ? check_state::slow : check_state::unsafe,
        fmt::format("{} has it ({})", kernel, fault.source), fix_for(fault.fix, names)};
}

} // namespace

std::vector<check> check_kernel_faults(const examined_system& all)
{
    std::vector<check> checks;
    for (const kernel_fault& each : kernel_faults())
        checks.push_back({.name = fmt::format("kernel_fault.{}", each.name),
            .device = {},
            .told = look(all, each),
            .why = std::string(each.what)});
    return checks;
}

} // namespace ngpoll::cli
