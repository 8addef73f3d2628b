// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "file_descriptor.hpp"
#include "interrupt_rings.hpp"
#include "native.hpp"
#include "poller_thread.hpp"
#include "shared_queue.hpp"

namespace ngpoll::detail {

/// What a fetch group by interrupt stands on: a kernel ring, the one thread that enters it, and a
/// shared queue of one place between that thread and the group.
///
/// The thread sends what is submitted, finds what has completed and fills the workers' buffers. In
/// between it sleeps on an eventfd. The kernel writes to it when a completion comes, and a thread
/// that submits writes to it where this one sleeps.
class interrupt_poller {
public:
    /// Throws as a ring's constructor does, and where the thread or the eventfd cannot be made.
    interrupt_poller(interrupt_rings& rings, std::uint32_t depth, std::uint64_t number);
    interrupt_poller(const interrupt_poller&) = delete;
    interrupt_poller& operator=(const interrupt_poller&) = delete;
    ~interrupt_poller() { stop(); }
    /// The group is closed by then. Ends the thread and closes the kernel ring. Figures stay.
    void stop() noexcept;

    [[nodiscard]] shared_queue<native>& queue() noexcept { return *queue_; }
    /// Any thread.
    [[nodiscard]] ring_stats stats() const noexcept { return passes_.snapshot(); }

private:
    const file_descriptor event_;
    // Made on the thread: the kernel ring belongs to it.
    std::unique_ptr<transport> ring_;
    std::optional<polled_drive> drive_;
    std::optional<shared_queue<native>> queue_;
    pass_context passes_; ///< the thread's
    std::atomic<bool> stop_{false};
    std::optional<poller_thread> thread_;
};

} // namespace ngpoll::detail
