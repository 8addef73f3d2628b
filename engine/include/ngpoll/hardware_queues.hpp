// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// A poll queue of the drive itself. The kernel assigns one to each processor. A polled command
/// goes to the queue of the processor that sends it.
struct hardware_poll_queue {
    std::uint32_t index = 0; ///< the kernel's number among all queues of the drive: hctxN
    std::vector<std::uint32_t> cpus; ///< ascending; includes processors that are offline
};

/// The poll queues of a drive with the processors that use them.
struct hardware_queue_map {
    std::vector<hardware_poll_queue> poll_queues; ///< ascending; empty: none, or unknown
    std::string unknown; ///< why the map is unknown; empty where it is known
};

/// Reads the map of the namespace at `path`, `/dev/ngXnY`. Reads it from debugfs, which needs root.
/// Without root it reads sysfs, which does not show the kinds of queues, and the nvme module's
/// parameter poll_queues. A namespace behind a multipath node with one path has that path's map.
/// With several paths the map is unknown: any path may take a command.
///
/// A map is good until the driver is reset or a processor is plugged. Any thread; opens files and
/// allocates, so call it during set-up. A failure to read is not an error: it is `unknown`. `root`
/// is the folder that holds /sys, for tests.
[[nodiscard]] hardware_queue_map read_hardware_queues(
    std::string_view path, const std::string& root = "/");

/// Reads the map of a block device that has queues of its own: `nvme0n1`, or one path of a
/// multipath node, `nvme0c0n1`. Otherwise it works like read_hardware_queues().
[[nodiscard]] hardware_queue_map read_block_queues(
    const std::string& block_device, const std::string& root = "/");

} // namespace ngpoll
