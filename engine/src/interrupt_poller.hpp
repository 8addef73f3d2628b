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

/// The lower part of a fetch group by interrupt: a kernel ring, and the only thread that enters it.
/// Between that thread and the group is a shared queue with one place.
///
/// The thread sends submitted requests, finds completions and fills the workers' buffers. Meanwhile
/// it sleeps on an eventfd. The kernel writes to the eventfd at a completion. A submitting thread
/// writes to it if this thread sleeps.
class interrupt_poller {
public:
    /// Throws like a ring's constructor. Also throws if the thread or the eventfd cannot be made.
    interrupt_poller(interrupt_rings& rings, std::uint32_t depth, std::uint64_t number);
    interrupt_poller(const interrupt_poller&) = delete;
    interrupt_poller& operator=(const interrupt_poller&) = delete;
    ~interrupt_poller() { stop(); }
    /// Ends the thread and closes the kernel ring. The group must be closed before. The figures
    /// stay.
    void stop() noexcept;

    [[nodiscard]] shared_queue<native>& queue() noexcept { return *queue_; }
    /// Any thread.
    [[nodiscard]] ring_stats stats() const noexcept { return passes_.snapshot(); }

private:
    const file_descriptor event_;
    // The thread makes it: the kernel ring belongs to the thread.
    std::unique_ptr<transport> ring_;
    std::optional<polled_drive> drive_;
    std::optional<shared_queue<native>> queue_;
    pass_context passes_; ///< only the thread writes it
    std::atomic<bool> stop_{false};
    std::optional<poller_thread> thread_;
};

} // namespace ngpoll::detail
