// SPDX-License-Identifier: MIT
#include "listing.hpp"

#include <ngpoll/version.h>

#include "../json.hpp"

namespace ngpoll::cli {

namespace {

using json = nlohmann::ordered_json;

json controller_json(const drive_controller& one)
{
    return {{"controller", one.name}, {"state", text_or_null(one.state)},
        {"transport", text_or_null(one.transport)}, {"address", text_or_null(one.address)},
        {"numa_node", value_or_null(one.numa_node)}};
}

json path_json(const drive_path& one)
{
    json path = controller_json(one.controller);
    path["block_device"] = text_or_null(one.block_device);
    path["has_poll_queues"] = value_or_null(one.has_poll_queues);
    if (!one.queues.unknown.empty()) {
        path["poll_queues"] = nullptr;
        path["poll_queues_unknown"] = one.queues.unknown;
        return path;
    }
    path["poll_queues"] = json::array();
    for (const hardware_poll_queue& queue : one.queues.poll_queues)
        path["poll_queues"].push_back({{"hctx", queue.index}, {"cpus", queue.cpus}});
    return path;
}

json drive_json(const listed_drive& each)
{
    const drive_info& one = each.found;
    json found = {{"path", one.path}, {"block_device", text_or_null(one.block_device)},
        {"write", each.write_name}, {"model", text_or_null(one.model)}, {"serial", one.serial},
        {"firmware", text_or_null(one.firmware)},
        {"nsid", one.nsid == 0 ? json(nullptr) : json(one.nsid)},
        {"size_bytes", one.size_bytes == 0 ? json(nullptr) : json(one.size_bytes)},
        {"lba_bytes", one.lba_bytes == 0 ? json(nullptr) : json(one.lba_bytes)},
        {"metadata_bytes", value_or_null(one.metadata_bytes)}, {"multipath", one.multipath},
        {"in_use", json::array()}, {"in_use_unknown", text_or_null(each.use.unknown)},
        {"paths", json::array()}};
    for (const drive_user& user : each.use.users)
        found["in_use"].push_back({{"kind", kind_text(user.what)}, {"text", user.text},
            {"release", text_or_null(user.release)}});
    for (const drive_path& path : one.paths)
        found["paths"].push_back(path_json(path));
    return found;
}

} // namespace

std::string list_json(const listing& all)
{
    json root = {{"ngpoll", NGPOLL_VERSION}, {"drives", json::array()},
        {"controllers_without_namespace", json::array()}, {"other_drivers", json::array()}};
    for (const listed_drive& each : all.drives)
        root["drives"].push_back(drive_json(each));
    for (const drive_controller& each : all.without_namespace) {
        json& one = root["controllers_without_namespace"].emplace_back(controller_json(each));
        one["model"] = text_or_null(each.model);
        one["serial"] = each.serial;
    }
    for (const foreign_drive& each : all.foreign)
        root["other_drivers"].push_back(
            {{"address", each.address}, {"driver", text_or_null(each.driver)}});
    // The strings of a drive may hold any bytes. Bytes that are not UTF-8 are replaced, so that one
    // drive cannot make the whole list fail.
    return root.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace ngpoll::cli
