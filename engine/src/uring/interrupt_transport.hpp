// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "registered_buffers.hpp"
#include "uring_transport.hpp"

namespace ngpoll {

/// The transport of one ring by interrupt: a kernel ring that only this ring's thread uses. Waits
/// sleep in the kernel.
///
/// Each call first registers the buffers that were added to the queue since the last call. If the
/// kernel refuses a buffer, commands on it are not sent: they end with the kernel's errno.
class interrupt_transport final : public uring_transport {
public:
    /// `event_fd` belongs to the ring; -1: none.
    interrupt_transport(std::unique_ptr<interrupt_kernel_ring> ring, options requested,
        std::shared_ptr<buffer_table> buffers, int event_fd);

    /// Also registers the buffers and event_fd, and throws like those calls.
    transport_seat attach() override;
    void detach(const transport_seat& seat) noexcept override;
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t min_complete) noexcept override;
    pass_result send(
        std::span<request* const> to_send, const transport_seat& seat) noexcept override;
    [[nodiscard]] bool arm_event(const transport_seat& seat) noexcept override;
    [[nodiscard]] std::uint32_t in_flight() const noexcept override
    {
        return uring_transport::in_flight() + static_cast<std::uint32_t>(refused_.size());
    }

private:
    void catch_up() noexcept
    {
        if (buffers_->generation() != seen_) [[unlikely]]
            register_changes();
    }
    void register_changes() noexcept;
    /// Registers the regions that are not empty. With `only`, registers just the places that it
    /// names.
    void register_run(std::uint32_t first, std::span<const iovec> regions,
        const std::vector<bool>* only) noexcept;
    /// Removes the commands on a buffer that is not registered.
    std::span<request* const> without_refused(std::span<request* const> to_send) noexcept;
    void finish_refused(completion_batch& batch) noexcept;
    [[nodiscard]] bool is_missing(const request& r) const noexcept;
    void disarm() noexcept;

    interrupt_kernel_ring& ring_;
    const std::shared_ptr<buffer_table> buffers_; ///< belongs to the queue
    const int event_fd_;
    std::uint64_t seen_ = 0; ///< the generation of the table that is registered here
    std::vector<bool> missing_; ///< places whose buffers the kernel refused; empty: none
    std::vector<bool> missed_before_; ///< empty except while changes are registered
    int missing_reason_ = 0; ///< the last refusal's errno
    /// Requests that the next pass finishes; has room for the whole depth
    std::vector<request*> refused_;
    std::vector<request*> accepted_; ///< requests of one batch; has room for the whole depth
};

} // namespace ngpoll
