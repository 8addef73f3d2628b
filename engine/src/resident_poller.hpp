// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <future>
#include <thread>

#include "native.hpp"
#include "shared_queue.hpp"

namespace ngpoll {
class transport;
}

namespace ngpoll::detail {

/// The thread of role_policy::resident. It sends and polls for all rings of its queue.
class resident_poller {
public:
    /// Returns once the thread can use the transport; throws what kept it from that.
    resident_poller(shared_queue<native>& queue, transport& drive, std::uint64_t number);
    resident_poller(const resident_poller&) = delete;
    resident_poller& operator=(const resident_poller&) = delete;
    /// The queue's rings are closed by then.
    ~resident_poller();

    /// Any thread.
    [[nodiscard]] ring_stats stats() const noexcept { return passes_.snapshot(); }

private:
    void run(std::promise<void>& ready) noexcept;

    shared_queue<native>& queue_;
    transport& drive_;
    pass_context passes_; ///< its thread's
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

} // namespace ngpoll::detail
