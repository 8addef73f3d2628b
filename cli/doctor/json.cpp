// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <ngpoll/version.h>

#include "../json.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

} // namespace

std::string doctor_json(const std::vector<check>& checks, const examined_system& all)
{
    json root = {{"ngpoll", NGPOLL_VERSION}, {"kernel", text_or_null(all.host.kernel_release)},
        {"devices", json::array()}, {"checks", json::array()}};
    for (const examined_drive& each : all.drives)
        root["devices"].push_back(each.found.path);
    for (const check& each : checks)
        root["checks"].push_back({{"name", each.name}, {"device", text_or_null(each.device)},
            {"state", to_string(each.told.state)}, {"found", each.told.found}, {"why", each.why},
            {"fix", text_or_null(each.told.fix)}});
    return root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace ngpoll::cli
