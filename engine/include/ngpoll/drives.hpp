// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/hardware_queues.hpp>

namespace ngpoll {

/// A controller that the nvme driver has taken, as sysfs shows it. Texts are without the blanks
/// that pad them; empty: sysfs does not say.
struct drive_controller {
    std::string name; ///< nvme0
    std::string state; ///< live, resetting, connecting, deleting, dead ...
    std::string transport; ///< pcie, tcp, rdma, fc or loop
    std::string address; ///< of PCI 0000:01:00.0, else "traddr=...,trsvcid=..."
    std::optional<std::uint32_t> numa_node; ///< nothing: the machine has one node, or it is unknown
    std::string serial; ///< as Identify Controller has it
    std::string model; ///< likewise
    std::string firmware; ///< its revision
};

/// A controller through which a namespace's commands go.
struct drive_path {
    drive_controller controller; ///< the one that the path leads through
    std::string
        block_device; ///< has the hardware queues: nvme0n1, or of a multipath node nvme0c0n1
    hardware_queue_map queues; ///< which processors each hardware queue serves
    /// Whether it has poll queues, also where the map is unknown; nothing: sysfs does not say.
    std::optional<bool> has_poll_queues;
};

/// A namespace that programs can use.
struct drive_info {
    std::string path; ///< /dev/ng0n1
    std::string block_device; ///< nvme0n1; empty where there is none beside it
    std::string serial; ///< of its controller, or of the subsystem of several
    std::string model; ///< as Identify Controller has it
    std::string firmware; ///< its revision
    std::uint32_t nsid = 0; ///< 0: unknown
    std::uint64_t size_bytes = 0; ///< 0: unknown
    std::uint32_t lba_bytes = 0; ///< data of one logical block; 0: unknown
    std::optional<std::uint32_t> metadata_bytes; ///< of one logical block; nothing: unknown
    bool multipath = false; ///< a multipath node: the driver picks a path for each command
    std::vector<drive_path> paths; ///< by name; one, or of a multipath node any number
};

/// A PCI function of the NVMe class that the nvme driver does not have, so it has no /dev/ng*.
struct foreign_drive {
    std::string address; ///< 0000:01:00.0
    std::string driver; ///< vfio-pci, for example; empty: none has it
};

/// Each list is in order of the numbers in the names.
struct drive_list {
    std::vector<drive_info> drives; ///< namespaces that programs can use
    std::vector<drive_controller> without_namespace; ///< controllers that no drive's path names
    std::vector<foreign_drive> foreign; ///< drives that the nvme driver does not have
};

/// Finds this machine's NVMe drives: all lists are empty where there is none, and where /sys is not
/// mounted. Reads sysfs only: it opens no device, waits for no drive, and needs no root. libnvme's
/// own scan sends Identify to each drive and finds no namespace without root (version 1.3).
///
/// Any thread; allocates. `root` is where /sys hangs, for tests.
[[nodiscard]] drive_list find_drives(const std::string& root = "/");

/// The drive at `path`: its passthrough device, a symbolic link to it, or its block device. Null:
/// there is none. The list must outlive what is returned.
[[nodiscard]] const drive_info* find_drive(
    const drive_list& list, std::string_view path, const std::string& root = "/");

/// Asks the drive what sysfs did not tell of it: kernels before 6.9 do not show the metadata, and
/// none shows the size where it cannot handle the metadata. Opens `of.path` and sends Identify if
/// anything is missing and a path is live. What cannot be had, for example for want of permission,
/// stays unknown.
void identify_drive(drive_info& of);

} // namespace ngpoll
