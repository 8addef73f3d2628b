// SPDX-License-Identifier: MIT
#include "block_devices.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../error.hpp"
#include "open_files.hpp"
#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// The whole first line of a file: identifiers and serials may hold blanks.
std::string line_of(const fs::path& path)
{
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    const auto end = line.find_last_not_of(' ');
    return line.substr(0, end == std::string::npos ? 0 : end + 1);
}

block_device read_block_device(const fs::path& blocks, const std::string& name)
{
    block_device device{.name = name, .partitions = {}};
    std::error_code none;
    for (std::string& entry : names_in((blocks / name).string()))
        if (entry.starts_with(name) && fs::exists(blocks / name / entry / "partition", none))
            device.partitions.push_back(std::move(entry));
    return device;
}

/// Whether two block devices are one namespace behind controllers that the kernel does not join
/// (nvme_core.multipath=N). Identifier and serial have to agree: cheap drives share identifiers
/// that should be unique.
bool is_same_namespace(const fs::path& one, const fs::path& other)
{
    const std::string wwid = line_of(one / "wwid");
    const std::string serial = line_of(one / "device/serial");
    return !wwid.empty() && !serial.empty() && wwid == line_of(other / "wwid")
        && serial == line_of(other / "device/serial");
}

fs::path node_of(dev_t character, const std::string& root)
{
    std::error_code none;
    return fs::canonical(
        fs::path(root) / fmt::format("sys/dev/char/{}:{}", major(character), minor(character)),
        none);
}

/// The kernel does not show which open was exclusive. O_NONBLOCK has no effect on a drive; here it
/// marks the exclusive open for other processes of a family.
constexpr int kExclusiveFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
constexpr int kFlagsCompared = O_ACCMODE | O_NONBLOCK;

std::optional<dev_t> number_of(const std::string& name, const std::string& root)
{
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char colon = 0;
    std::ifstream file(fs::path(root) / "sys/class/block" / name / "dev");
    if (!(file >> major_number >> colon >> minor_number) || colon != ':')
        return std::nullopt;
    return makedev(major_number, minor_number);
}

} // namespace

block_devices block_devices_of(dev_t character, const std::string& root)
{
    block_devices devices;
    const std::string node = node_of(character, root).filename().string();
    if (!node.starts_with("ng")) {
        devices.unknown = "sysfs does not show which block device is beside it";
        return devices;
    }
    const std::string name = "nvme" + node.substr(2);
    const fs::path blocks = fs::path(root) / "sys/block";
    std::error_code none;
    if (!fs::exists(blocks / name, none)) {
        devices.unknown = "it has no block device";
        return devices;
    }
    devices.found.push_back(read_block_device(blocks, name));
    // A namespace whose blocks the kernel cannot handle has this size.
    if (read_value<std::uint64_t>((blocks / name / "size").string()).value_or(0) == 0)
        devices.unknown
            = fmt::format("its block device, {}, has size 0, as with metadata that Linux cannot "
                          "handle",
                name);
    for (const std::string& other : names_in(blocks.string()))
        if (other != name && other.starts_with("nvme")
            && read_value<int>((blocks / other / "hidden").string()).value_or(0) == 0
            && is_same_namespace(blocks / name, blocks / other))
            devices.found.push_back(read_block_device(blocks, other));
    return devices;
}

std::string address_of(dev_t character, const std::string& root)
{
    const fs::path node = node_of(character, root);
    if (node.empty())
        return {};
    if (std::string address = line_of(node / "device/address"); !address.empty())
        return address;
    const std::string name = node.filename().string();
    for (const std::string& path : paths_of("nvme" + name.substr(2), root))
        if (std::string address = line_of(fs::path(root) / "sys/block" / path / "device/address");
            !address.empty())
            return address;
    return {};
}

int open_exclusively(const std::string& node, dev_t expected)
{
    struct stat found { };
    if (::stat(node.c_str(), &found) != 0)
        return -errno;
    if (!S_ISBLK(found.st_mode) || found.st_rdev != expected)
        return -ENODEV;
    const int fd = ::open(node.c_str(), kExclusiveFlags | O_EXCL);
    return fd < 0 ? -errno : fd;
}

int open_from_family(const std::string& node, dev_t expected, std::uint32_t family)
{
    const std::string name = fs::path(node).filename().string();
    for (const open_file& each : files_open_on(std::span(&name, 1))) {
        if ((static_cast<int>(each.flags) & kFlagsCompared) != (kExclusiveFlags & kFlagsCompared)
            || (each.process != family && parent_of(each.process) != family))
            continue;
        // Plain system calls: the header of glibc 2.36 cannot be used from C++.
        const int process = static_cast<int>(::syscall(SYS_pidfd_open, each.process, 0U));
        if (process < 0)
            continue; // the process has ended
        const int fd = static_cast<int>(::syscall(SYS_pidfd_getfd, process, each.descriptor, 0U));
        const int failed = errno;
        ::close(process);
        if (fd < 0 && failed == EPERM)
            return ::open(node.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat found { };
        if (fd >= 0 && ::fstat(fd, &found) == 0 && S_ISBLK(found.st_mode)
            && found.st_rdev == expected)
            return fd;
        if (fd >= 0)
            ::close(fd); // the descriptor was closed and its number used again
    }
    return -EBUSY;
}

exclusive_claim claim_exclusively(
    const block_devices& devices, const std::string& root, const open_node& open)
{
    using namespace std::chrono_literals;
    constexpr int kTries = 100;
    exclusive_claim claim;
    for (const block_device& device : devices.found) {
        const std::optional<dev_t> number = number_of(device.name, root);
        const std::string node = (fs::path(root) / "dev" / device.name).string();
        file_descriptor taken;
        for (int tries = 0; number && tries < kTries; ++tries) {
            taken = file_descriptor::opened_by([&] { return open(node, *number); });
            if (taken.get() != -EBUSY)
                break;
            std::this_thread::sleep_for(2ms);
        }
        if (taken.get() >= 0)
            claim.held.push_back(std::move(taken));
        else if (taken.get() == -EBUSY)
            claim.has_other_holder = true;
        else if (!number || taken.get() == -ENODEV || taken.get() == -ENOENT)
            claim.unknown = fmt::format("its block device, {}, is not there", node);
        else
            claim.unknown = fmt::format("its block device, {}, cannot be opened ({})", node,
                detail::errno_text(-taken.get()));
    }
    return claim;
}

} // namespace ngpoll
