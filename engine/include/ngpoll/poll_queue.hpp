// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue_options.hpp>

namespace ngpoll {

struct ring_stats;
namespace detail {
class queue_state;
}

/// One polled source of completions. Holds one transport: a kernel ring, or an emulated queue pair.
/// By interrupt nothing is shared: each ring has a kernel ring of its own, and no resident is made.
/// What counts is the mode in force, which report() tells.
///
/// Made on any thread. With `rings_max` 1 it belongs to the first ring's thread from then on, and
/// costs nothing for being shareable; with more, rings on other threads share it: one polls at a
/// time, a thread of the queue's own or one of them, and hands the others their completions; those
/// that wait meanwhile sleep. It must outlive its rings and buffer pools.
///
/// Invariant: requests submitted and not finished, over all rings, <= depth.
class poll_queue {
public:
    /// The options of a queue.
    using options = poll_queue_options;

    /// Throws std::system_error:
    /// - EINVAL: a depth the drive or the ring cannot hold, hybrid polling with `rings_max` above
    ///   1, a hardware_queue that the drive does not have, or a resident's maker outside of it;
    /// - EBUSY: the polled queues of this process would exceed the drive's tags; all emulated
    ///   queue pairs are taken; or another polled queue is on this drive, and the running kernel
    ///   may crash on two (see force);
    /// - EPERM: io_uring is switched off;
    /// - ENOSYS: the kernel has no io_uring or no NVMe passthrough;
    /// - ENOMEM, EMFILE, ENFILE, EAGAIN: no memory, no descriptor, no thread.
    /// A mode the drive or the kernel does not have is not an error: report() says what is used
    /// instead, and why.
    poll_queue(const nvme_namespace& device, options requested);
    /// With the defaults of poll_queue_options: for one ring, polled.
    explicit poll_queue(const nvme_namespace& device)
        : poll_queue(device, options{})
    {
    }
    /// A ring that is still attached stops the program.
    ~poll_queue();
    poll_queue(const poll_queue&) = delete;
    poll_queue& operator=(const poll_queue&) = delete;

    /// How the queue was set up after all. Any thread.
    [[nodiscard]] const poll_queue_report& report() const noexcept;
    /// The depth in force: requests in flight at once.
    [[nodiscard]] std::uint32_t depth() const noexcept;
    /// Whether rings hand each other their completions: several may attach, or a resident polls.
    /// Never by interrupt.
    [[nodiscard]] bool shared() const noexcept;
    /// Who polls, never `automatic`; waiter for a queue that is not shared.
    [[nodiscard]] role_policy role() const noexcept;
    /// What the resident did; nothing without one. By interrupt: what the threads of its fetch
    /// groups did. Any thread.
    [[nodiscard]] ring_stats resident_stats() const noexcept;
    /// Lines that tell who has the role, what is queued, in flight and found, and who sleeps on how
    /// many: to explain a hang. Any thread, a debugger too. Each figure is exact by itself.
    [[nodiscard]] std::string describe() const;

    /// The engine's own, not part of the interface.
    [[nodiscard]] detail::queue_state& state() const noexcept { return *state_; }

private:
    friend struct testing_access; ///< puts a transport of its own underneath
    explicit poll_queue(std::unique_ptr<detail::queue_state> made) noexcept;

    std::unique_ptr<detail::queue_state> state_;
};

} // namespace ngpoll
