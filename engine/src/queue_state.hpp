// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <ngpoll/poll_queue.hpp>

#include "interrupt_rings.hpp"
#include "native.hpp"
#include "opened_namespace.hpp"
#include "resident_poller.hpp"
#include "shared_queue.hpp"
#include "transport.hpp"

namespace ngpoll::detail {

class open_group;

/// The state of a poll_queue: the rings' places, the transport if it is polled, and the protocol if
/// it is shared. By interrupt each ring has a transport of its own, and nothing is shared.
class queue_state {
public:
    /// Throws like poll_queue's constructor.
    queue_state(std::shared_ptr<opened_namespace> device, const poll_queue::options& requested);
    /// Takes a transport that a test made.
    queue_state(std::shared_ptr<transport> made, const poll_queue::options& requested);
    queue_state(std::shared_ptr<interrupt_rings> made, const poll_queue::options& requested);
    ~queue_state();
    queue_state(const queue_state&) = delete;
    queue_state& operator=(const queue_state&) = delete;

    [[nodiscard]] const poll_queue_report& report() const noexcept { return drive()->report(); }
    [[nodiscard]] const poll_queue::options& options() const noexcept { return options_; }
    [[nodiscard]] std::shared_ptr<drive_queue> drive() const noexcept
    {
        return interrupts_ ? std::shared_ptr<drive_queue>(interrupts_) : transport_;
    }
    [[nodiscard]] bool is_by_interrupt() const noexcept { return interrupts_ != nullptr; }
    /// The transport for one more ring, called on its thread: a new one by interrupt, else the
    /// queue's.
    [[nodiscard]] std::shared_ptr<transport> transport_for(
        const interrupt_rings::ring_options& requested);
    /// Null where the queue is not shared.
    [[nodiscard]] shared_queue<native>* shared() noexcept { return shared_ ? &*shared_ : nullptr; }
    [[nodiscard]] bool has_resident() const noexcept
    {
        return options_.role == role_policy::resident;
    }
    [[nodiscard]] ring_stats resident_stats() const noexcept;
    [[nodiscard]] bool is_inherited() const noexcept;
    [[nodiscard]] unsigned process() const noexcept { return process_; }
    [[nodiscard]] std::string describe();

    /// A ring's place on the queue.
    struct place {
        std::uint32_t depth = 0; ///< the depth granted
        inbox* in = nullptr; ///< null where the queue is not shared
        std::uint64_t number = 0; ///< the ring's number in describe()
    };
    /// Throws EBUSY. Throws EINVAL if the queue belongs to another thread.
    [[nodiscard]] place attach(std::uintptr_t thread, std::uint32_t depth);
    /// Called when the ring can be used. A queue that is not shared belongs to its thread from now
    /// on.
    void bind(std::uintptr_t thread) noexcept;
    void detach(const place& left) noexcept;
    /// The state for a group: a new one, or that of a closed group. It lives as long as the queue
    /// and every fetch. So pollers, and threads that look for a sleeping worker, may look at it at
    /// any time.
    [[nodiscard]] std::shared_ptr<open_group> group_for(const place& given);

    /// For tests, before the first turn.
    [[nodiscard]] polled_drive& polled() noexcept { return *polled_; }

private:
    void share();

    poll_queue::options options_;
    const std::shared_ptr<opened_namespace> device_; ///< outlives the transport
    // One of the two is set. Pools look at it to see whether the queue is gone.
    std::shared_ptr<transport> transport_;
    std::shared_ptr<interrupt_rings> interrupts_;
    const unsigned process_; ///< the process that made the queue; see process_generation

    mutable std::mutex attach_mutex_; ///< for rings that join and leave
    std::vector<bool> places_taken_;
    std::uint32_t rings_ = 0;
    std::uint32_t depth_attached_ = 0;
    std::vector<std::shared_ptr<open_group>> groups_;
    std::uintptr_t first_thread_ = 0; ///< the first ring's thread, of a queue that is not shared

    // Shared queues only.
    std::optional<polled_drive> polled_;
    std::optional<shared_queue<native>> shared_;
    std::unique_ptr<resident_poller> resident_;
};

} // namespace ngpoll::detail
