// SPDX-License-Identifier: MIT
#include "listing.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../size_text.hpp"
#include "../text_table.hpp"

namespace ngpoll::cli {

namespace {

constexpr const char* kUnknown = "?";
constexpr const char* kNone = "-";

/// The texts of `of` for all paths: a single text if all are equal, else a list in the order of the
/// paths, "live,dead".
std::string of_paths(const drive_info& one, const std::function<std::string(const drive_path&)>& of)
{
    std::vector<std::string> texts;
    for (const drive_path& path : one.paths)
        texts.push_back(of(path));
    if (texts.empty())
        return kNone;
    if (std::all_of(texts.begin(), texts.end(), [&](const auto& t) { return t == texts.front(); }))
        return texts.front();
    return fmt::format("{}", fmt::join(texts, ","));
}

std::string or_unknown(const std::string& text) { return text.empty() ? kUnknown : text; }

std::string poll_queues_text(const drive_path& path)
{
    if (path.queues.unknown.empty())
        return std::to_string(path.queues.poll_queues.size());
    if (path.has_poll_queues)
        return *path.has_poll_queues ? "yes" : "0";
    return kUnknown;
}

std::string node_text(const drive_path& path)
{
    return path.controller.numa_node ? std::to_string(*path.controller.numa_node) : kNone;
}

std::string multipath_text(const drive_info& one)
{
    if (!one.multipath)
        return kNone;
    if (one.paths.empty())
        return "no path";
    std::vector<std::string> names;
    for (const drive_path& path : one.paths)
        names.push_back(path.controller.name);
    return fmt::format("{}", fmt::join(names, ","));
}

/// "512", or with metadata "512+8".
std::string lba_text(const drive_info& one)
{
    if (one.lba_bytes == 0)
        return kUnknown;
    if (!one.metadata_bytes)
        return fmt::format("{}+?", one.lba_bytes);
    return *one.metadata_bytes == 0 ? std::to_string(one.lba_bytes)
                                    : fmt::format("{}+{}", one.lba_bytes, *one.metadata_bytes);
}

std::string use_text(const drive_use& use)
{
    if (use.users.empty())
        return use.unknown.empty() ? kNone : kUnknown;
    std::vector<std::string> texts;
    for (const drive_user& user : use.users)
        texts.push_back(user.text);
    return fmt::format("{}", fmt::join(texts, "; "));
}

std::vector<std::string> row_of(const listed_drive& each)
{
    const drive_info& one = each.found;
    return {one.path, one.block_device.empty() ? kNone : one.block_device, each.write_name,
        or_unknown(one.model), one.size_bytes == 0 ? kUnknown : size_text(one.size_bytes),
        lba_text(one), of_paths(one, poll_queues_text), of_paths(one, node_text),
        of_paths(one, [](const drive_path& path) { return or_unknown(path.controller.state); }),
        of_paths(one, [](const drive_path& path) { return or_unknown(path.controller.transport); }),
        multipath_text(one), use_text(each.use)};
}

std::string notes_text(const listing& all)
{
    std::string text;
    for (const listed_drive& each : all.drives)
        for (const drive_path& path : each.found.paths)
            if (!path.queues.unknown.empty() && path.has_poll_queues == true)
                text += fmt::format("note: {}: the number of poll queues is not known: {}\n",
                    path.block_device, path.queues.unknown);
    for (const listed_drive& each : all.drives)
        if (!each.use.unknown.empty())
            text += fmt::format("note: {}: it may have users that are not known: {}\n",
                each.found.path, each.use.unknown);
    for (const drive_controller& each : all.without_namespace)
        text += fmt::format("note: {}, {}, serial {}, {}: no namespace that programs can use\n",
            each.name, or_unknown(each.model), or_unknown(each.serial), or_unknown(each.state));
    for (const foreign_drive& each : all.foreign)
        text += fmt::format(
            "note: the kernel does not use the NVMe drive at {}: {}; to give it back: {}echo {} > "
            "/sys/bus/pci/drivers/nvme/bind\n",
            each.address,
            each.driver.empty() ? "no driver has it" : "the driver " + each.driver + " has it",
            each.driver.empty() ? std::string()
                                : fmt::format("echo {} > /sys/bus/pci/drivers/{}/unbind; ",
                                    each.address, each.driver),
            each.address);
    return text;
}

} // namespace

std::string list_text(const listing& all)
{
    if (all.drives.empty() && all.without_namespace.empty() && all.foreign.empty())
        return "no NVMe drive on this machine; `ngpoll bench` without DEVICE measures an emulated "
               "one\n";
    std::string text;
    if (!all.drives.empty()) {
        std::vector<std::vector<std::string>> rows = {{"DEVICE", "BLOCK", "SERIAL:NSID", "MODEL",
            "SIZE", "LBA", "POLL", "NODE", "STATE", "TRANSPORT", "MULTIPATH", "IN USE"}};
        for (const listed_drive& each : all.drives)
            rows.push_back(row_of(each));
        text = table_text(rows);
    }
    return text + notes_text(all);
}

} // namespace ngpoll::cli
