// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "../file_descriptor.hpp"
#include "../transport.hpp"
#include "kernel_ring.hpp"
#include "tag_budget.hpp"

namespace ngpoll {

/// Sends commands over an io_uring instance with 128-byte SQEs and 32-byte CQEs. Commands are
/// written in place; one io_uring_enter sends them and polls.
///
/// The submission queue never fills and the completion queue never overflows: both have room for
/// the poll queue's whole depth. The number of unsent entries is read from the shared words before
/// each call. It is right whatever the last call took.
///
/// With an index array (ring_memory::sq_array) a command keeps its entry until it is done. The
/// array then also lists the free entries: its places from `sq_tail_` up to the array's size behind
/// `sq_tail_ - in_flight_`. Sending takes entries from the front. Finishing adds them at the end,
/// to a place that the kernel has read. The kernel reads the places in order, and at least as many
/// as were ever finished.
///
/// Once io_uring_enter() fails for good, requests that the kernel has not taken end with that
/// errno.
class uring_transport : public transport {
public:
    struct options {
        bool registered_file = true; ///< entries name file 0 of the ring's table instead of `fd`
        int fd = -1; ///< the namespace
        /// The kernel crashes when it polls a command without data. With this set, such a command
        /// ends with EINVAL and is not sent. Needs the index array, which such kernels have.
        bool needs_data = false;
        /// The hardware queue that commands go to. A thread that attaches must be pinned to
        /// `processors`.
        std::optional<std::uint32_t> hardware_queue = std::nullopt;
        std::vector<std::uint32_t> processors = {};
    };
    /// Objects that the transport keeps while it exists.
    struct holdings {
        file_descriptor drive_lock;
        tag_budget tags;
    };

    uring_transport(std::unique_ptr<kernel_ring> ring, poll_queue_report report, options requested,
        holdings held = {});

    /// Also throws EINVAL: the thread may run on other processors than the hardware queue's.
    transport_seat attach() override;
    void detach(const transport_seat& seat) noexcept override { ring_->detach(seat); }
    [[nodiscard]] transport_seat any_threads_seat() const noexcept override
    {
        return ring_->any_threads_seat();
    }
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t min_complete) noexcept override;
    pass_result send(
        std::span<request* const> to_send, const transport_seat& seat) noexcept override;
    [[nodiscard]] std::uint32_t in_flight() const noexcept override { return in_flight_; }
    std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count) override
    {
        return ring_->register_buffers(memory, stride, bytes, count);
    }
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override
    {
        ring_->unregister_buffers(first, count);
    }

protected:
    void write_entries(std::span<request* const> to_send) noexcept;
    /// Number of entries that the kernel has not taken.
    [[nodiscard]] unsigned unsent() const noexcept;
    /// The result of io_uring_enter(): entries taken, or the negative errno with which it fails for
    /// good.
    [[nodiscard]] static int outcome_of(int entered) noexcept;
    /// Ends a pass whose io_uring_enter() had the result `sent`.
    pass_result take_in(completion_batch& batch, int sent) noexcept;
    [[nodiscard]] bool has_found() const noexcept;
    [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }
    [[nodiscard]] kernel_ring& kernel() noexcept { return *ring_; }

private:
    void write_in_order(std::span<request* const> to_send) noexcept;
    void write_to_free(std::span<request* const> to_send) noexcept;
    /// See options::needs_data. The entries are written.
    void spoil_without_data(std::span<request* const> to_send) noexcept;
    /// See outcome_of().
    int enter(const transport_seat& seat, std::uint32_t min_complete, unsigned flags) noexcept;
    void reap(completion_batch& batch) noexcept;
    /// Finishes `count` completions from `head` on. They end before the array ends.
    void finish_from(completion_batch& batch, unsigned head, unsigned count) noexcept;
    void end_unsent(completion_batch& batch, int failed) noexcept;

    std::unique_ptr<kernel_ring> ring_;
    ring_memory memory_;
    options options_;
    holdings held_;
    unsigned sq_tail_; ///< entries written so far; the shared word follows
    std::uint32_t in_flight_ = 0;
};

} // namespace ngpoll
