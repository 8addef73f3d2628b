// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include <ngpoll/drive_use.hpp>

#include "../file_descriptor.hpp"

namespace ngpoll {

/// A block device that reads and writes a namespace.
struct block_device {
    std::string name; ///< nvme0n1
    std::vector<std::string> partitions; ///< nvme0n1p1 ...
};

/// All of a namespace's that user space can open: the one beside the passthrough device and, where
/// the kernel does not join controllers, the other controllers'.
struct block_devices {
    std::vector<block_device> found; ///< the one beside it first
    std::string unknown; ///< why none is known, or why the first one tells nothing
};

/// Of the passthrough device with the number `character`.
[[nodiscard]] block_devices block_devices_of(dev_t character, const std::string& root = "/");

/// What sysfs and /proc tell.
[[nodiscard]] drive_use use_of(const block_devices& devices, const std::string& root = "/");

/// The users of devices that cannot be opened exclusively: at least one.
[[nodiscard]] std::vector<drive_user> holders_of(
    const block_devices& devices, const std::string& root = "/");

/// The PCI address of the controller behind a passthrough device, or of the first one of several;
/// empty where sysfs does not say.
[[nodiscard]] std::string address_of(dev_t character, const std::string& root = "/");

/// Block devices that are held exclusively, or why they are not.
struct exclusive_claim {
    std::vector<file_descriptor> held;
    bool has_other_holder = false;
    std::string unknown; ///< a block device that may not be opened, or is not in /dev
};

/// Opens the node of a block device. Returns a descriptor or a negative errno, ENODEV where the
/// node is another device than `expected`.
using open_node = std::function<int(const std::string& node, dev_t expected)>;
[[nodiscard]] int open_exclusively(const std::string& node, dev_t expected);
/// A copy of the descriptor that a process of `family` (write_permit::options) opened exclusively.
/// -EBUSY where no such process has one. Where the kernel gives no copy (Yama), the node opened in
/// the common way: the other process is then the only holder.
[[nodiscard]] int open_from_family(const std::string& node, dev_t expected, std::uint32_t family);

/// Tries for up to 0.2 s, for others look, too, and each look is in the way for microseconds.
[[nodiscard]] exclusive_claim claim_exclusively(const block_devices& devices,
    const std::string& root = "/", const open_node& open = open_exclusively);

} // namespace ngpoll
