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

/// All block devices of a namespace that user space can open. The kernel may not join the
/// controllers of a namespace; then each controller has a device.
struct block_devices {
    std::vector<block_device> found; ///< first the device of the namespace's own controller
    std::string unknown; ///< why no device is known, or why the first one shows no use
};

/// The block devices of the passthrough device with the number `character`.
[[nodiscard]] block_devices block_devices_of(dev_t character, const std::string& root = "/");

/// The uses that sysfs and /proc show.
[[nodiscard]] drive_use use_of(const block_devices& devices, const std::string& root = "/");

/// The users of devices that cannot be opened exclusively: at least one user.
[[nodiscard]] std::vector<drive_user> holders_of(
    const block_devices& devices, const std::string& root = "/");

/// The PCI address of the controller behind a passthrough device, or of the first controller if
/// there are several. Empty where sysfs does not say.
[[nodiscard]] std::string address_of(dev_t character, const std::string& root = "/");

/// Block devices that this process holds exclusively, or why it does not.
struct exclusive_claim {
    std::vector<file_descriptor> held;
    bool has_other_holder = false;
    std::string unknown; ///< names a block device that may not be opened, or is not in /dev
};

/// Opens the node of a block device. Returns a descriptor or a negative errno. ENODEV: the node is
/// another device than `expected`.
using open_node = std::function<int(const std::string& node, dev_t expected)>;
[[nodiscard]] int open_exclusively(const std::string& node, dev_t expected);
/// Returns a copy of the descriptor that a process of `family` (write_permit::options) opened
/// exclusively. -EBUSY: no such process has one. Where the kernel gives no copy (Yama), it opens
/// the node in the common way: the other process is then the only holder.
[[nodiscard]] int open_from_family(const std::string& node, dev_t expected, std::uint32_t family);

/// Tries for up to 0.2 s: other programs take short looks, too, and each blocks this for
/// microseconds.
[[nodiscard]] exclusive_claim claim_exclusively(const block_devices& devices,
    const std::string& root = "/", const open_node& open = open_exclusively);

} // namespace ngpoll
