// SPDX-License-Identifier: MIT
#include "doctor.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../text_output.hpp"
#include "check.hpp"

namespace ngpoll::cli {

std::string_view to_string(check_state state) noexcept
{
    switch (state) {
    case check_state::ok: return "ok";
    case check_state::unknown: return "unknown";
    case check_state::slow: return "slow";
    case check_state::unsafe: return "unsafe";
    }
    return "unknown";
}

std::vector<check> check_all(const examined_system& all)
{
    std::vector<check> checks = check_machine(all);
    for (auto* const more : {check_kernel_faults, check_drives})
        for (check& each : more(all))
            checks.push_back(std::move(each));
    return checks;
}

namespace {

struct doctor_options {
    std::vector<std::string> devices;
    bool as_json = false;
};

int run_doctor(const doctor_options& options)
{
    const examined_system all = examine(options.devices);
    const std::vector<check> checks = check_all(all);
    text_output out(stdout);
    out.print(options.as_json ? doctor_json(checks, all) : doctor_text(checks));
    if (out.failed()) {
        print_error(out.failure_text());
        return kExitFailed;
    }
    const bool well = std::none_of(checks.begin(), checks.end(), [](const check& each) {
        return each.told.state == check_state::slow || each.told.state == check_state::unsafe;
    });
    return well ? kExitSuccess : kExitFailed;
}

} // namespace

subcommand add_doctor(CLI::App& app)
{
    const auto options = std::make_shared<doctor_options>();
    option_list list(app, "doctor", "Find what makes this machine slow or unsafe");
    list.arguments("DEVICE", options->devices, "Drives to check; without DEVICE, all drives");
    list.flag("--json", options->as_json, "Print JSON instead of text");
    list.footer("Each check is ok, slow, unsafe or unknown. doctor changes nothing; the commands "
                "after 'fix' do.\n"
                "Exit status: 0 nothing is slow or unsafe, 1 something is, 2 a DEVICE is not an "
                "NVMe drive.\n"
                "Examples:\n"
                "  ngpoll doctor\n"
                "  sudo ngpoll doctor /dev/ng0n1\n"
                "  ngpoll doctor --json | jq '.checks[] | select(.state == \"unsafe\")'");
    return {.parser = list.parser(), .run = [options] { return run_doctor(*options); }};
}

} // namespace ngpoll::cli
