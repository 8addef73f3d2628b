// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include <ngpoll/ring.hpp>

namespace ngpoll {

/// The thread of role_policy::resident. It polls by a ring of its own, which submits nothing and
/// from which no other takes the role.
class resident_poller {
public:
    /// Returns once the thread has its ring; throws what kept it from that.
    explicit resident_poller(poll_queue& queue);
    resident_poller(const resident_poller&) = delete;
    resident_poller& operator=(const resident_poller&) = delete;
    /// The queue's other rings are closed by then.
    ~resident_poller();

    /// After a push to the submission queue: it may be asleep. True if this woke it. Any thread.
    [[nodiscard]] bool submitted() noexcept { return ring_->wake_if_armed(); }

    /// Any thread.
    [[nodiscard]] ring_stats stats() const noexcept { return ring_->stats(); }

private:
    void run(std::promise<void>& ready) noexcept;

    poll_queue& queue_;
    std::unique_ptr<ring> ring_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

} // namespace ngpoll
