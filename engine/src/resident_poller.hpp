// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <optional>

#include "native.hpp"
#include "poller_thread.hpp"
#include "shared_queue.hpp"

namespace ngpoll {
class transport;
}

namespace ngpoll::detail {

/// The thread of role_policy::resident. It sends and polls for all rings of its queue.
class resident_poller {
public:
    /// Returns once the thread can use the transport. Throws the error if the thread cannot.
    resident_poller(shared_queue<native>& queue, transport& drive, std::uint64_t number);
    resident_poller(const resident_poller&) = delete;
    resident_poller& operator=(const resident_poller&) = delete;
    /// The queue's rings must be closed before.
    ~resident_poller();

    /// Any thread.
    [[nodiscard]] ring_stats stats() const noexcept { return passes_.snapshot(); }

private:
    shared_queue<native>& queue_;
    pass_context passes_; ///< only its thread writes it
    std::atomic<bool> stop_{false};
    std::optional<poller_thread> thread_;
};

} // namespace ngpoll::detail
