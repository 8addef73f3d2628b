// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ngpoll {

/// Linux's version. A distribution may hide the last number, as in "6.8.0-59-generic": the 0 is the
/// distribution's.
struct kernel_number {
    unsigned major = 0; ///< 6 of 6.8.0
    unsigned minor = 0; ///< 8 of 6.8.0
    std::optional<unsigned> patch; ///< nothing: unknown

    /// All three numbers are equal, or both versions lack the last one.
    friend bool operator==(const kernel_number&, const kernel_number&) = default;
};

/// A state in which a processor waits for work.
struct idle_state {
    std::string name; ///< C1, C6 ...
    std::uint32_t exit_us = 0; ///< how long the processor takes to leave it
    bool enabled = true; ///< on at least one processor
};

/// Facts of the running system that affect polled passthrough.
struct machine_info {
    std::string kernel_release; ///< as uname -r prints it; empty: unknown
    kernel_number kernel; ///< `kernel_release` as numbers
    /// The kernel is from Red Hat or a distribution built from it: it has changes of far newer
    /// versions.
    bool kernel_has_backports = false;
    std::optional<std::uint32_t> poll_queues; ///< the nvme module's parameter; nothing: not loaded
    /// The sysctl kernel.io_uring_disabled; nothing: the kernel (before 6.6) has no such switch.
    std::optional<std::uint32_t> io_uring_disabled;
    std::optional<bool> has_sys_admin; ///< this process has CAP_SYS_ADMIN; nothing: unknown
    std::optional<bool> has_ipc_lock; ///< this process has CAP_IPC_LOCK; nothing: unknown
    std::optional<std::uint64_t> memlock_bytes; ///< this process's limit; nothing: unknown
    bool memlock_unlimited = false; ///< there is no such limit
    /// Free pages of 2 MiB; nothing: the kernel has none.
    std::optional<std::uint64_t> huge_pages_free;
    /// Processors by their frequency governor; empty where Linux does not govern them.
    std::map<std::string, std::vector<std::uint32_t>> governors;
    std::vector<idle_state> idle_states; ///< sorted by name; empty where Linux does not choose them
    std::vector<std::uint32_t> allowed_cpus; ///< processors that this process may run on
    std::map<std::uint32_t, std::vector<std::uint32_t>> node_cpus; ///< processors of each NUMA node
};

/// Reads the facts from /proc and /sys. A fact that cannot be read is unknown, and no error. Any
/// thread; opens files and allocates. `root` is the folder that holds /proc and /sys, for tests.
[[nodiscard]] machine_info read_machine(const std::string& root = "/");

} // namespace ngpoll
