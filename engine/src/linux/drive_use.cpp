// SPDX-License-Identifier: MIT
#include <ngpoll/drive_use.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "block_devices.hpp"
#include "open_files.hpp"
#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// A block device or a partition, and its name for people.
struct part {
    std::string name;
    std::string subject; ///< "partition nvme0n1p1", "nvme1n1"; empty: the namespace itself
    bool is_partition = false;
};

std::vector<part> parts_of(const block_devices& devices)
{
    std::vector<part> parts;
    for (const block_device& device : devices.found) {
        const bool beside = &device == &devices.found.front();
        parts.push_back({device.name, beside ? std::string() : device.name});
        for (const std::string& name : device.partitions)
            parts.push_back({name, "partition " + name, true});
    }
    return parts;
}

/// `words` about a part: "partition nvme0n1p1 mounted on /".
std::string of_part(const part& about, std::string_view between, const std::string& words)
{
    return about.subject.empty() ? words : fmt::format("{}{}{}", about.subject, between, words);
}

/// The kernel writes blanks in paths as "\040".
std::string unescaped(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view digits = text.substr(i + 1, 3);
        if (text[i] == '\\' && digits.size() == 3
            && digits.find_first_not_of("01234567") == std::string_view::npos) {
            plain += static_cast<char>(std::stoi(std::string(digits), nullptr, 8));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

/// The kernel's name of the device at `path`, nvme0n1p1, whatever the node is called.
std::string device_name(const std::string& path, const std::string& root)
{
    if (!path.starts_with("/dev/"))
        return {};
    const fs::path node = fs::path(root) / path.substr(1);
    std::error_code none;
    if (struct stat found{}; ::stat(node.c_str(), &found) == 0 && S_ISBLK(found.st_mode)) {
        const fs::path known = fs::canonical(fs::path(root) / "sys/dev/block"
                / fmt::format("{}:{}", major(found.st_rdev), minor(found.st_rdev)),
            none);
        if (!none)
            return known.filename().string();
    }
    const fs::path real = fs::canonical(node, none);
    return none ? fs::path(path).filename().string() : real.filename().string();
}

struct mount {
    /// "259:1"; a file system of several devices has a number of its own
    std::string device_number;
    std::string device; ///< nvme0n1p1; empty where the source is no device
    std::string place;
};

std::vector<mount> read_mounts(const std::string& root)
{
    std::vector<mount> mounts;
    std::ifstream file(fs::path(root) / "proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        // ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE ...
        std::istringstream words(line);
        std::string skipped, place, source;
        mount found;
        words >> skipped >> skipped >> found.device_number >> skipped >> place;
        while (words >> skipped && skipped != "-") { }
        words >> skipped >> source;
        found.place = unescaped(place);
        found.device = device_name(unescaped(source), root);
        mounts.push_back(std::move(found));
    }
    return mounts;
}

void add_mounts(
    const part& about, const std::vector<mount>& mounts, const std::string& root, drive_use& use)
{
    const fs::path folder = fs::path(root) / "sys/class/block" / about.name;
    const auto number = read_value<std::string>((folder / "dev").string());
    std::string first;
    int others = 0;
    for (const mount& each : mounts) {
        if (each.device != about.name && (!number || each.device_number != *number))
            continue;
        if (first.empty())
            first = each.place;
        else
            ++others;
    }
    if (first.empty())
        return;
    std::string words = "mounted on " + first;
    if (others != 0)
        words += fmt::format(" and {} more place{}", others, others == 1 ? "" : "s");
    use.users.push_back({drive_user::kind::mount, of_part(about, " ", words),
        fmt::format("umount {}", others == 0 ? first : "-A /dev/" + about.name)});
}

std::vector<std::string> read_swaps(const std::string& root)
{
    std::vector<std::string> devices;
    std::ifstream file(fs::path(root) / "proc/swaps");
    std::string line;
    std::getline(file, line); // the heading
    for (std::string path; file >> path; std::getline(file, line))
        devices.push_back(device_name(unescaped(path), root));
    return devices;
}

/// "vg" of "vg-home": device mapper writes a hyphen within a name as two hyphens.
std::string volume_group(const std::string& name)
{
    std::string group;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '-' && (i + 1 == name.size() || name[i + 1] != '-'))
            break;
        if (name[i] == '-')
            ++i;
        group += name[i];
    }
    return group;
}

/// Names a device of device mapper. Its UUID begins with the name of the kind.
drive_user mapped(const std::string& holder, const std::string& root)
{
    const fs::path folder = fs::path(root) / "sys/class/block" / holder / "dm";
    const auto name = read_value<std::string>((folder / "name").string()).value_or(holder);
    const auto uuid = read_value<std::string>((folder / "uuid").string()).value_or("");
    if (uuid.starts_with("LVM-"))
        return {drive_user::kind::lvm, fmt::format("{} ({}, LVM)", holder, name),
            "vgchange -an " + volume_group(name)};
    if (uuid.starts_with("CRYPT-"))
        return {drive_user::kind::device_mapper, fmt::format("{} ({}, crypt)", holder, name),
            "cryptsetup close " + name};
    if (uuid.starts_with("mpath-"))
        return {drive_user::kind::device_mapper, fmt::format("{} ({}, multipath)", holder, name),
            "multipath -f " + name};
    return {drive_user::kind::device_mapper, fmt::format("{} ({})", holder, name),
        "dmsetup remove " + name};
}

drive_user holding(const std::string& holder, const std::string& root)
{
    std::error_code none;
    if (fs::exists(fs::path(root) / "sys/class/block" / holder / "dm", none))
        return mapped(holder, root);
    if (holder.starts_with("md"))
        return {drive_user::kind::md, holder, "mdadm --stop /dev/" + holder};
    return {drive_user::kind::other_device, holder, {}};
}

void add_holders(const part& about, const std::string& root, drive_use& use)
{
    const fs::path folder = fs::path(root) / "sys/class/block" / about.name / "holders";
    for (const std::string& holder : names_in(folder.string())) {
        drive_user user = holding(holder, root);
        user.text = of_part(about, " in ", user.text);
        use.users.push_back(std::move(user));
    }
}

/// Open files of other processes, each once for each part and program.
std::vector<open_file> open_files_of(const std::vector<part>& parts, const std::string& root)
{
    std::vector<std::string> names;
    for (const part& about : parts)
        names.push_back(about.name);
    std::vector<open_file> files = files_open_on(names, root);
    std::erase_if(files, [mine = static_cast<std::uint32_t>(::getpid())](const open_file& each) {
        return each.process == mine;
    });
    return files;
}

/// "812 (mdadm)"
std::string process_text(const open_file& file)
{
    return fmt::format("{} ({})", file.process, file.program);
}

void add_writers(const std::vector<part>& parts, const std::string& root, drive_use& use)
{
    const std::vector<open_file> files = open_files_of(parts, root);
    for (const part& about : parts) {
        std::set<std::string> texts; // a process may have the device open several times
        for (const open_file& each : files)
            if (each.device == about.name && each.is_for_writing())
                texts.insert(
                    of_part(about, " ", "open for writing in process " + process_text(each)));
        for (const std::string& text : texts)
            use.users.push_back({drive_user::kind::writer, text, {}});
    }
}

} // namespace

std::string_view kind_text(drive_user::kind what) noexcept
{
    switch (what) {
    case drive_user::kind::mount: return "mount";
    case drive_user::kind::swap: return "swap";
    case drive_user::kind::device_mapper: return "device_mapper";
    case drive_user::kind::lvm: return "lvm";
    case drive_user::kind::md: return "md";
    case drive_user::kind::other_device: return "other_device";
    case drive_user::kind::writer: return "writer";
    case drive_user::kind::holder: return "holder";
    }
    return "unknown";
}

drive_use use_of(const block_devices& devices, const std::string& root)
{
    drive_use use;
    use.unknown = devices.unknown;
    const std::vector<part> parts = parts_of(devices);
    const std::vector<mount> mounts = read_mounts(root);
    const std::vector<std::string> swaps = read_swaps(root);
    for (const part& about : parts) {
        add_mounts(about, mounts, root, use);
        for (const std::string& swap : swaps)
            if (swap == about.name)
                use.users.push_back({drive_user::kind::swap, of_part(about, " ", "swap"),
                    "swapoff /dev/" + about.name});
        add_holders(about, root, use);
    }
    add_writers(parts, root, use);
    return use;
}

std::vector<drive_user> holders_of(const block_devices& devices, const std::string& root)
{
    // A use may have begun since the first look.
    if (drive_use use = use_of(devices, root); !use.users.empty())
        return std::move(use.users);
    std::set<std::string> processes;
    for (const open_file& each : open_files_of(parts_of(devices), root))
        processes.insert(process_text(each));
    if (!processes.empty())
        return {{drive_user::kind::holder,
            fmt::format("held by process {}", fmt::join(processes, " or ")), {}}};
    return {{drive_user::kind::holder,
        "held by the kernel (ZFS, or a mount in a container) or by a process of another user", {}}};
}

drive_use read_drive_use(std::string_view path, const std::string& root)
{
    if (path.starts_with("emu:"))
        return {};
    struct stat found { };
    if (::stat(std::string(path).c_str(), &found) != 0 || !S_ISCHR(found.st_mode))
        return {.users = {}, .unknown = fmt::format("{} is no passthrough device", path)};
    return use_of(block_devices_of(found.st_rdev, root), root);
}

std::string serial_and_nsid(const namespace_info& info, const std::string& root)
{
    const auto begin = info.serial.find_first_not_of(' ');
    std::string name = begin == std::string::npos ? std::string() : info.serial.substr(begin);
    struct stat found { };
    if (name.empty() && ::stat(info.path.c_str(), &found) == 0 && S_ISCHR(found.st_mode))
        name = address_of(found.st_rdev, root);
    return fmt::format("{}:{}", name, info.nsid);
}

} // namespace ngpoll
