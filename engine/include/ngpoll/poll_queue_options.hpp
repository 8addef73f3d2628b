// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ngpoll {

/// How completions are found.
enum class poll_mode : std::uint8_t {
    polled, ///< by polling the drive's completion queue
    hybrid, ///< the kernel sleeps for part of the expected time, then polls (Linux 6.13)
    interrupt, ///< the drive interrupts, and each ring waits for that by itself
};

/// "polled", "hybrid" or "interrupt".
[[nodiscard]] const char* to_string(poll_mode mode) noexcept;

/// Who polls a shared queue; nobody does by interrupt. bench/README.md has the figures that chose
/// the default.
enum class role_policy : std::uint8_t {
    /// On a drive, polled, where this process may use two processors or more, and always before
    /// Linux 7.0: resident. Else waiter.
    automatic,
    /// A thread of the queue's own. It polls as long as anything is in flight, and sleeps 100 us
    /// after the last: give it a processor of its own. What the rings' threads do holds nobody up.
    /// It has the processors and the priority of the thread that makes the queue, and takes no
    /// signals. Rings never poll then: all their completions are deferred. Suits two busy threads
    /// and more: 1.05 to 1.19 of a waiter's IOPS with 2 to 8 threads (bench/README.md).
    resident,
    /// A ring that waits and finds nobody polling polls for all, until its own wait is over. Then
    /// it wakes another that waits. Suits one thread, light threads, and processors that are
    /// scarce: a lone thread at depth 1 has less than half of the latency under a resident.
    waiter,
};

/// The name of the policy in C++, for people.
[[nodiscard]] const char* to_string(role_policy policy) noexcept;
/// The policy of that name, or of "auto"; nothing where there is none.
[[nodiscard]] std::optional<role_policy> role_policy_named(std::string_view name) noexcept;

/// What a poll queue is asked for.
struct poll_queue_options {
    /// Requests in flight at once, over all rings; 0: 128, or what is left. At most 32,768.
    ///
    /// Polled queues of one process on one controller have together no more than one hardware
    /// queue has tags (namespace_info::queue_depth_max); with queues on several of its
    /// namespaces, each namespace has an equal part. By interrupt any depth will do. Other
    /// processes are not counted: where they take tags too, use registered buffers.
    std::uint32_t depth = 0;
    /// Rings and fetch groups that may be attached at the same time.
    std::uint32_t rings_max = 1;
    poll_mode mode = poll_mode::polled; ///< how completions are found
    role_policy role = role_policy::automatic; ///< which thread polls a shared queue
    bool registered_file = true; ///< register the device's descriptor with the kernel
    bool registered_ring = true; ///< register each thread's ring descriptor with the kernel
    /// The hardware queue that this one is for, hardware_poll_queue::index. Its tags then count
    /// apart from those of other hardware queues. Each thread that sends must be pinned to that
    /// queue's processors before its ring is made, and stay there. With a resident poller the
    /// thread that makes the queue must be. It has no effect by interrupt.
    std::optional<std::uint32_t> hardware_queue = std::nullopt;
    /// Do what is refused because the running kernel may crash on it:
    /// - a second polled queue on one drive, up to Linux 6.4;
    /// - the same on later kernels, where the drive has an I/O scheduler (6.12 and 7.3 oops);
    /// - polling a drive that is not on PCIe (6.12 and 7.3 oops within seconds over TCP).
    bool force = false;
};

/// How a poll queue was set up after all: what was asked for and what the kernel accepted.
struct poll_queue_report {
    poll_mode mode = poll_mode::polled; ///< how completions are found
    std::uint32_t depth = 0; ///< requests in flight at once: what a depth of 0 became
    std::string transport; ///< "io_uring" or "emulated"
    /// The process must not end while requests are in flight: the running kernel may crash then, or
    /// leave a kernel thread spinning. Polled drives, before Linux 7.2; SIGKILL has the same
    /// effect.
    bool must_drain = false;
    std::vector<std::string> flags; ///< set-up flags in force, as the kernel's header names them
    std::vector<std::string> forced; ///< done for `force` alone, each with what it risks
    std::vector<std::string> declined; ///< asked for and not to be had, each with its reason
};

} // namespace ngpoll
