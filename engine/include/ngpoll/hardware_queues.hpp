// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// A poll queue of the drive itself. The kernel gives each processor one of them, and a polled
/// command goes to that of the processor which sends it.
struct hardware_poll_queue {
    std::uint32_t index = 0; ///< among all queues of the drive, as the kernel counts: hctxN
    std::vector<std::uint32_t> cpus; ///< ascending; those that are offline, too
};

/// Which processor's polled commands go where.
struct hardware_queue_map {
    std::vector<hardware_poll_queue> poll_queues; ///< ascending; empty: there are none, or unknown
    std::string unknown; ///< why nothing is known; empty where it is
};

/// Reads the map of the namespace at `path`, `/dev/ngXnY`: from debugfs, which takes root, or else
/// from sysfs, which does not tell the kinds of queues apart, with the help of the nvme module's
/// parameter poll_queues. A namespace that is reached through a multipath node has its only path's
/// map; with several paths, which one a command takes is not known.
///
/// A map is good until the driver is reset or a processor is plugged. Any thread; opens files and
/// allocates, so it is for set-up. What cannot be read is not an error: it is `unknown`. `root` is
/// where /sys hangs, for tests.
[[nodiscard]] hardware_queue_map read_hardware_queues(
    std::string_view path, const std::string& root = "/");

/// Reads the map of a block device that has queues of its own: `nvme0n1`, or one path of a
/// multipath node, `nvme0c0n1`. In all else it is as read_hardware_queues().
[[nodiscard]] hardware_queue_map read_block_queues(
    const std::string& block_device, const std::string& root = "/");

} // namespace ngpoll
