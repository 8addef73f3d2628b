// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/hardware_queues.hpp>

namespace ngpoll {

/// A controller that belongs to the nvme driver, as sysfs shows it. Texts are without the blanks
/// that pad them. An empty text: sysfs does not say.
struct drive_controller {
    std::string name; ///< nvme0
    std::string state; ///< live, resetting, connecting, deleting, dead ...
    std::string transport; ///< pcie, tcp, rdma, fc or loop
    std::string address; ///< of PCI 0000:01:00.0, else "traddr=...,trsvcid=..."
    std::optional<std::uint32_t> numa_node; ///< nothing: the machine has one node, or it is unknown
    std::string serial; ///< as Identify Controller has it
    std::string model; ///< as Identify Controller has it
    std::string firmware; ///< its revision
};

/// A controller through which a namespace's commands go.
struct drive_path {
    drive_controller controller; ///< the controller of the path
    std::string block_device; ///< the block device with the hardware queues: nvme0n1, or of a
                              ///< multipath node nvme0c0n1
    hardware_queue_map queues; ///< which processors each hardware queue serves
    /// Whether the path has poll queues, also where the map is unknown; nothing: sysfs does not
    /// say.
    std::optional<bool> has_poll_queues;
};

/// A namespace that programs can use.
struct drive_info {
    std::string path; ///< /dev/ng0n1
    std::string block_device; ///< nvme0n1; empty where the namespace has none
    std::string serial; ///< of its controller, or of the subsystem if it has several controllers
    std::string model; ///< as Identify Controller has it
    std::string firmware; ///< its revision
    std::uint32_t nsid = 0; ///< 0: unknown
    std::uint64_t size_bytes = 0; ///< 0: unknown
    std::uint32_t lba_bytes = 0; ///< data of one logical block; 0: unknown
    std::optional<std::uint32_t> metadata_bytes; ///< of one logical block; nothing: unknown
    /// The namespace is a multipath node: the driver picks a path for each command
    bool multipath = false;
    std::vector<drive_path> paths; ///< sorted by name; one path, or of a multipath node any number
};

/// A PCI function of the NVMe class that does not belong to the nvme driver, so it has no /dev/ng*.
struct foreign_drive {
    std::string address; ///< 0000:01:00.0
    std::string driver; ///< vfio-pci, for example; empty: no driver has it
};

/// Each list is sorted by the numbers in the names.
struct drive_list {
    std::vector<drive_info> drives; ///< namespaces that programs can use
    std::vector<drive_controller> without_namespace; ///< controllers that no drive's path names
    std::vector<foreign_drive> foreign; ///< drives that the nvme driver does not have
};

/// Finds this machine's NVMe drives. All lists are empty on a machine without drives, and where
/// /sys is not mounted. Reads sysfs only: it opens no device, waits for no drive, and needs no
/// root. libnvme's own scan sends Identify to each drive and finds no namespace without root
/// (version 1.3).
///
/// Any thread; allocates. `root` is the folder that holds /sys, for tests.
[[nodiscard]] drive_list find_drives(const std::string& root = "/");

/// Finds the drive at `path`: its passthrough device, a symbolic link to it, or its block device.
/// Returns null if there is none. The result points into `list`.
[[nodiscard]] const drive_info* find_drive(
    const drive_list& list, std::string_view path, const std::string& root = "/");

/// Asks the drive for the facts that sysfs does not show. Kernels before 6.9 do not show the
/// metadata, and no kernel shows the size where it cannot handle the metadata. Opens `of.path` and
/// sends Identify if a fact is missing and a path is live. A fact stays unknown if the drive cannot
/// be asked, for example for want of permission.
void identify_drive(drive_info& of);

} // namespace ngpoll
