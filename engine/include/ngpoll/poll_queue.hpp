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

/// One polled source of completions. It holds one transport: a kernel ring, or an emulated queue
/// pair. By interrupt nothing is shared: each ring has a kernel ring of its own, and there is no
/// resident. report() tells which mode is in force.
///
/// Any thread may make a queue. With `rings_max` 1 the queue belongs to the thread of its first
/// ring, and pays nothing for sharing. With more, rings on other threads share it. One thread polls
/// at a time, either the resident (a thread of the queue) or the thread of a ring. It hands the
/// other rings their completions, and threads that wait sleep meanwhile. The queue must outlive its
/// rings, groups and buffer pools.
///
/// Invariant: requests submitted and not finished, over all rings, <= depth.
class poll_queue {
public:
    /// The options of a queue.
    using options = poll_queue_options;

    /// Throws std::system_error:
    /// - EINVAL: the drive or the ring cannot hold the depth, or it has no such hardware_queue;
    /// - EINVAL: hybrid polling with `rings_max` above 1;
    /// - EINVAL: the queue has a hardware_queue and a resident, and this thread may run on other
    ///   processors than that hardware queue has;
    /// - EBUSY: the polled queues of this process would exceed the drive's tags, or all emulated
    ///   queue pairs are taken;
    /// - EBUSY: another polled queue is on this drive, and the running kernel may crash on two (see
    ///   force);
    /// - EPERM: io_uring is switched off;
    /// - ENOSYS: the kernel has no io_uring or no NVMe passthrough;
    /// - ENOMEM, EMFILE, ENFILE, EAGAIN: no memory, no descriptor, no thread.
    /// A mode that the drive or the kernel does not have is not an error: report() says which mode
    /// is used instead, and why.
    poll_queue(const nvme_namespace& device, options requested);
    /// With the defaults of poll_queue_options: for one ring, polled.
    explicit poll_queue(const nvme_namespace& device)
        : poll_queue(device, options{})
    {
    }
    /// Stops the program if a ring is still attached.
    ~poll_queue();
    poll_queue(const poll_queue&) = delete;
    poll_queue& operator=(const poll_queue&) = delete;

    /// How the queue was set up after all. Any thread.
    [[nodiscard]] const poll_queue_report& report() const noexcept;
    /// The depth in force: requests in flight at once.
    [[nodiscard]] std::uint32_t depth() const noexcept;
    /// Whether one thread hands rings their completions: several rings may attach, or a resident
    /// polls. Never by interrupt.
    [[nodiscard]] bool shared() const noexcept;
    /// The policy in force: resident or waiter, never `automatic`. Waiter for a queue that is not
    /// shared.
    [[nodiscard]] role_policy role() const noexcept;
    /// Figures of the resident; all are 0 without one. Any thread.
    [[nodiscard]] ring_stats resident_stats() const noexcept;
    /// Lines that explain a hang. They name the thread with the poller's role and the threads that
    /// sleep, and count what is queued, in flight and found. Any thread, a debugger too. Each
    /// figure is exact by itself.
    [[nodiscard]] std::string describe() const;

    /// Internal to the engine; not part of the interface.
    [[nodiscard]] detail::queue_state& state() const noexcept { return *state_; }

private:
    friend struct testing_access; ///< puts a transport of its own under the queue
    explicit poll_queue(std::unique_ptr<detail::queue_state> made) noexcept;

    std::unique_ptr<detail::queue_state> state_;
};

} // namespace ngpoll
