// SPDX-License-Identifier: MIT
#include <ngpoll/drives.hpp>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <ngpoll/nvme_namespace.hpp>

#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// The class code of PCI functions that are NVMe I/O controllers: storage, NVM, NVM Express.
constexpr std::string_view kNvmeClass = "0x010802";

constexpr std::uint64_t kSectorBytes = 512; ///< the unit of sizes in sysfs, for every drive

/// The numbers in a name, so that nvme10n1 comes after nvme9n1.
std::vector<std::uint32_t> numbers_in(std::string_view name)
{
    std::vector<std::uint32_t> numbers;
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t first = name.find_first_of("0123456789", at);
        if (first == std::string_view::npos)
            break;
        at = std::min(name.find_first_not_of("0123456789", first), name.size());
        numbers.push_back(number_in(name.substr(first, at - first)).value_or(0));
    }
    return numbers;
}

/// Names in `folder` that begin with `prefix` and a digit, sorted by their numbers.
std::vector<std::string> numbered_names(const fs::path& folder, std::string_view prefix)
{
    std::vector<std::string> names = names_in(folder.string());
    std::erase_if(names, [&](const std::string& name) {
        return !name.starts_with(prefix) || name.size() == prefix.size()
            || std::string_view("0123456789").find(name[prefix.size()]) == std::string_view::npos;
    });
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
        return std::tuple(numbers_in(a), a) < std::tuple(numbers_in(b), b);
    });
    return names;
}

drive_controller read_controller(const fs::path& folder)
{
    const auto line = [&](const char* name) { return read_line((folder / name).string()); };
    return {.name = folder.filename().string(),
        .state = line("state"),
        .transport = line("transport"),
        .address = line("address"),
        .numa_node = number_in(line("numa_node")), // -1 means none, and is not a number here
        .serial = line("serial"),
        .model = line("model"),
        .firmware = line("firmware_rev")};
}

drive_path read_path(const fs::path& folder, const std::string& root)
{
    drive_path path;
    std::error_code none;
    path.controller = read_controller(fs::canonical(folder / "device", none));
    path.block_device = folder.filename().string();
    path.queues = read_block_queues(path.block_device, root);
    if (const auto polls = read_value<int>((folder / "queue/io_poll").string()))
        path.has_poll_queues = *polls != 0;
    return path;
}

/// Reads the facts that a namespace's block device shows.
void read_block(drive_info& found, const std::string& root)
{
    const fs::path blocks = fs::path(root) / "sys/block";
    const fs::path block = blocks / found.block_device;
    const auto number
        = [&](const char* name) { return read_value<std::uint64_t>((block / name).string()); };
    found.nsid = static_cast<std::uint32_t>(number("nsid").value_or(0));
    found.size_bytes = number("size").value_or(0) * kSectorBytes;
    found.lba_bytes = static_cast<std::uint32_t>(number("queue/logical_block_size").value_or(0));
    if (const auto bytes = number("metadata_bytes"))
        found.metadata_bytes = static_cast<std::uint32_t>(*bytes);
    for (const std::string& path : paths_of(found.block_device, root))
        found.paths.push_back(read_path(blocks / path, root));
    std::sort(found.paths.begin(), found.paths.end(), [](const auto& a, const auto& b) {
        return numbers_in(a.block_device) < numbers_in(b.block_device);
    });
}

drive_info read_drive(const std::string& name, const std::string& root)
{
    drive_info found;
    found.path = "/dev/" + name;
    // A namespace lies below the device that made it: a controller, or of a multipath node the
    // subsystem.
    std::error_code none;
    const fs::path node = fs::canonical(fs::path(root) / "sys/class/nvme-generic" / name, none);
    const fs::path parent = node.parent_path();
    found.multipath = parent.filename().string().starts_with("nvme-subsys");
    const drive_controller maker = read_controller(parent);
    found.serial = maker.serial;
    found.model = maker.model;
    found.firmware = maker.firmware;
    found.block_device = "nvme" + name.substr(2);
    if (fs::exists(fs::path(root) / "sys/block" / found.block_device, none))
        read_block(found, root);
    else
        found.block_device.clear();
    if (found.paths.empty() && !found.multipath)
        found.paths.push_back(
            {.controller = maker, .block_device = {}, .queues = {}, .has_poll_queues = {}});
    return found;
}

bool is_path_of(const std::string& controller, const std::vector<drive_info>& drives)
{
    return std::any_of(drives.begin(), drives.end(), [&](const drive_info& each) {
        return std::any_of(each.paths.begin(), each.paths.end(),
            [&](const drive_path& path) { return path.controller.name == controller; });
    });
}

std::vector<foreign_drive> find_foreign(const std::string& root)
{
    const fs::path devices = fs::path(root) / "sys/bus/pci/devices";
    std::vector<foreign_drive> found;
    for (const std::string& address : names_in(devices.string())) {
        if (read_line((devices / address / "class").string()) != kNvmeClass)
            continue;
        std::error_code none;
        const fs::path driver = fs::canonical(devices / address / "driver", none);
        if (none || driver.filename() != "nvme")
            found.push_back(
                {.address = address, .driver = none ? std::string() : driver.filename().string()});
    }
    std::sort(found.begin(), found.end(),
        [](const auto& a, const auto& b) { return a.address < b.address; });
    return found;
}

} // namespace

drive_list find_drives(const std::string& root)
{
    const fs::path classes = fs::path(root) / "sys/class";
    drive_list all;
    for (const std::string& name : numbered_names(classes / "nvme-generic", "ng"))
        all.drives.push_back(read_drive(name, root));
    for (const std::string& name : numbered_names(classes / "nvme", "nvme"))
        if (!is_path_of(name, all.drives)) {
            all.without_namespace.push_back(read_controller(classes / "nvme" / name));
        }
    all.foreign = find_foreign(root);
    return all;
}

const drive_info* find_drive(const drive_list& list, std::string_view path, const std::string& root)
{
    std::string block = block_name(path, root);
    if (block.empty())
        block = path.substr(path.rfind('/') + 1);
    for (const drive_info& each : list.drives)
        if ("/dev/ng" + block.substr(std::min(block.size(), std::size_t{4})) == each.path
            && block.starts_with("nvme"))
            return &each;
    return nullptr;
}

void identify_drive(drive_info& of)
{
    const bool missing = of.nsid == 0 || of.size_bytes == 0 || !of.metadata_bytes;
    // A command to a controller that is not live waits until it is live, or the driver gives up.
    const bool live = std::any_of(of.paths.begin(), of.paths.end(),
        [](const drive_path& path) { return path.controller.state == "live"; });
    if (!missing || !live)
        return;
    try {
        const nvme_namespace opened = nvme_namespace::open(of.path);
        const namespace_info& told = opened.info();
        of.nsid = told.nsid;
        of.size_bytes = told.capacity_blocks * told.lba_bytes;
        of.lba_bytes = told.lba_bytes;
        of.metadata_bytes = told.metadata_bytes;
    } catch (const std::system_error&) {
        // The fact stays unknown, as promised: the list of drives is worth more than its gaps.
    }
}

} // namespace ngpoll
