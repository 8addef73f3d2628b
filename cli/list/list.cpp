// SPDX-License-Identifier: MIT
#include "list.hpp"

#include <cstdio>
#include <memory>

#include "../error_line.hpp"
#include "../exit_status.hpp"
#include "../option_list.hpp"
#include "../text_output.hpp"
#include "listing.hpp"

namespace ngpoll::cli {

namespace {

int run_list(bool as_json)
{
    const listing all = read_listing();
    text_output out(stdout);
    out.print(as_json ? list_json(all) : list_text(all));
    if (!out.failed())
        return kExitSuccess;
    print_error(out.failure_text());
    return kExitFailed;
}

} // namespace

subcommand add_list(CLI::App& app)
{
    const auto as_json = std::make_shared<bool>(false);
    option_list options(app, "list", "Show the NVMe drives, and what uses them");
    options.flag("--json", *as_json, "Print JSON instead of a table");
    options.footer("POLL: poll queues; NODE: the NUMA node; LBA: bytes of a block, data+metadata; "
                   "?: only root can see it.\n"
                   "Examples:\n"
                   "  ngpoll list\n"
                   "  ngpoll list --json | jq -r '.drives[].write'");
    return {.parser = options.parser(), .run = [as_json] { return run_list(*as_json); }};
}

} // namespace ngpoll::cli
