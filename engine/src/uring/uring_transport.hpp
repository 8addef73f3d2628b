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

/// Commands over an io_uring instance with 128-byte SQEs and 32-byte CQEs: written in place, sent
/// and polled for with one io_uring_enter.
///
/// The submission queue never fills and the completion queue never overflows, because both have
/// room for the poll queue's whole depth. How many entries are still to be sent is read off the
/// shared words before each call, so whatever the last call did or did not take is right again.
///
/// With an index array (ring_memory::sq_array) a command keeps its entry until it is done. The
/// array is then the list of free entries, too: its places from `sq_tail_` up to the array's size
/// behind `sq_tail_ - in_flight_`. Sending takes from the front. Finishing adds at the end, to a
/// place that the kernel has read: it reads them in order, and no fewer than were ever finished.
///
/// Once io_uring_enter() fails for good, what the kernel has not taken ends with that errno.
class uring_transport : public transport {
public:
    struct options {
        bool registered_file = true; ///< entries name file 0 of the ring's table instead of `fd`
        int fd = -1; ///< the namespace
        /// The kernel crashes when it polls a command without data. It gets none: such a command
        /// ends with EINVAL. Needs the index array, which such kernels have.
        bool needs_data = false;
        /// The hardware queue that this is for; who attaches must be pinned to `processors`.
        std::optional<std::uint32_t> hardware_queue = std::nullopt;
        std::vector<std::uint32_t> processors = {};
    };
    /// What it keeps as long as it lives.
    struct holdings {
        file_descriptor drive_lock;
        tag_budget tags;
    };

    uring_transport(std::unique_ptr<kernel_ring> ring, poll_queue_report report, options requested,
        holdings held = {});

    /// Throws also EINVAL: the thread may run outside of the hardware queue's processors.
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
    /// Entries that the kernel has not taken.
    [[nodiscard]] unsigned unsent() const noexcept;
    /// What came of io_uring_enter(): entries taken, or the negative errno that it fails with for
    /// good.
    [[nodiscard]] static int outcome_of(int entered) noexcept;
    /// The end of a pass, whose io_uring_enter() came to `sent`.
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
    /// Finishes `count` of the completions from `head` on, which end before the array does.
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
