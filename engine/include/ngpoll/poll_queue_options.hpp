// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// The way in which completions are found.
enum class poll_mode : std::uint8_t {
    polled, ///< by polling the drive's completion queue
    hybrid, ///< the kernel sleeps for part of the expected time, then polls (Linux 6.13)
    interrupt, ///< the drive interrupts, and each ring waits for its own completions
};

/// "polled", "hybrid" or "interrupt".
[[nodiscard]] const char* to_string(poll_mode mode) noexcept;

/// Decides which thread polls a shared queue. By interrupt no thread polls. bench/README.md has the
/// figures that chose the default.
enum class role_policy : std::uint8_t {
    /// Resident for a polled drive, if this process may use two processors or more. Before Linux
    /// 7.0 always resident there. Else waiter.
    automatic,
    /// A thread of the queue polls while anything is in flight. It goes to sleep after 100 us with
    /// nothing in flight. Give it a processor of its own. Work on the rings' threads delays no
    /// completion of other rings. The resident inherits the processors and the priority of the
    /// thread that makes the queue, and takes no signals. Rings never poll then: all their
    /// completions are deferred. Suits two busy threads and more: 1.05 to 1.19 of a waiter's IOPS
    /// with 2 to 8 threads (bench/README.md).
    resident,
    /// A ring that waits, while no thread polls, polls for all rings until its own wait is over.
    /// Then it wakes another ring that waits. Suits one thread, light threads, and few processors.
    /// At depth 1 a lone thread has less than half of the latency that it has under a resident.
    waiter,
};

/// The name of the policy in C++, for people.
[[nodiscard]] const char* to_string(role_policy policy) noexcept;
/// The policy with that name, or of "auto"; nothing for any other name.
[[nodiscard]] std::optional<role_policy> role_policy_named(std::string_view name) noexcept;

/// The caller's wishes for a poll queue.
struct poll_queue_options {
    /// Requests in flight at once, over all rings; 0: 128, or less if less is left. At most 32,768.
    ///
    /// The polled queues of one process on one controller together hold at most as many requests as
    /// one hardware queue has tags (namespace_info::queue_depth_max). Where a process has queues on
    /// several namespaces of the controller, each namespace has an equal part. By interrupt any
    /// depth is allowed. Other processes are not counted: where they use the drive, too, use
    /// registered buffers.
    std::uint32_t depth = 0;
    /// Rings and fetch groups that may be attached at the same time.
    std::uint32_t rings_max = 1;
    poll_mode mode = poll_mode::polled; ///< how completions are found
    role_policy role = role_policy::automatic; ///< which thread polls a shared queue
    /// Register the device's descriptor and each thread's ring descriptor with the kernel.
    bool registered_file = true;
    bool registered_ring = true; ///< register each thread's ring descriptor with the kernel
    /// The hardware queue that this queue uses, hardware_poll_queue::index. Its tags then count
    /// apart from the tags of other hardware queues. Each thread that sends must be pinned to that
    /// hardware queue's processors before its ring is made, and stay there. With a resident this
    /// holds for the thread that makes the queue. By interrupt it has no effect.
    std::optional<std::uint32_t> hardware_queue = std::nullopt;
    /// Allow what is otherwise refused because the running kernel may crash on it:
    /// - a second polled queue on one drive, up to Linux 6.4;
    /// - a second polled queue on later kernels, where the drive has an I/O scheduler (6.12 and 7.3
    ///   oops);
    /// - polling a drive that is not on PCIe (6.12 and 7.3 oops within seconds over TCP).
    bool force = false;
};

/// The result of setting up a poll queue: what the kernel accepted of the options.
struct poll_queue_report {
    poll_mode mode = poll_mode::polled; ///< how completions are found
    std::uint32_t depth = 0; ///< requests in flight at once, also where a depth of 0 was asked for
    std::string transport; ///< "io_uring" or "emulated"
    /// The process must not end while requests are in flight, not even by SIGKILL. The running
    /// kernel may crash then, or leave a kernel thread spinning. True for polled drives before
    /// Linux 7.2.
    bool must_drain = false;
    std::vector<std::string> flags; ///< set-up flags in force, as the kernel's header names them
    std::vector<std::string> forced; ///< done only because `force` was set, each with its risk
    std::vector<std::string> declined; ///< asked for and not available, each with its reason
};

} // namespace ngpoll
