// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include <ngpoll/detail/ring_state.hpp>

#include "uapi.hpp"

namespace ngpoll {

using detail::transport_seat;

/// The words and arrays of an io_uring instance that kernel and program share. The kernel moves
/// `sq_head` and `cq_tail`, the poller `sq_tail`, `cq_head` and `cq_flags`; head <= tail <= head +
/// entries.
struct ring_memory {
    unsigned* sq_head = nullptr;
    unsigned* sq_tail = nullptr;
    unsigned sq_entries = 0; ///< a power of two
    uapi::passthrough_sqe* sqes = nullptr;
    /// The index array: which entry is submitted at each place of the ring, at first its own
    /// number. Null: the entry of that number, always.
    unsigned* sq_array = nullptr;

    unsigned* cq_head = nullptr;
    unsigned* cq_tail = nullptr;
    const unsigned* cq_overflow = nullptr; ///< completions the kernel had to drop
    unsigned cq_entries = 0; ///< a power of two
    const uapi::passthrough_cqe* cqes = nullptr;
    unsigned* cq_flags = nullptr; ///< IORING_CQ_EVENTFD_DISABLED or 0; the kernel only reads it
};

/// The kernel's side of an io_uring instance: the seam at which tests put a kernel of their own
/// that submits short, fails, or completes in any order.
class kernel_ring {
public:
    kernel_ring() = default;
    kernel_ring(const kernel_ring&) = delete;
    kernel_ring& operator=(const kernel_ring&) = delete;
    virtual ~kernel_ring() = default;

    [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }

    /// io_uring_enter: the number of entries taken, or a negative errno.
    virtual int enter(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags) noexcept = 0;

    /// Binds the calling thread; throws std::system_error.
    virtual transport_seat attach() = 0;
    virtual void detach(const transport_seat& seat) noexcept = 0;
    [[nodiscard]] virtual transport_seat any_threads_seat() const noexcept { return {}; }

    /// As transport's functions of these names.
    virtual std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
        = 0;
    virtual void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept = 0;

protected:
    ring_memory memory_;
};

/// What a ring by interrupt needs besides: it waits in the kernel, and belongs to one thread, which
/// registers the queue's buffers with it.
class interrupt_kernel_ring : public kernel_ring {
public:
    /// enter(), waiting no longer than until `deadline`. -ETIME: it took nothing and that is over.
    virtual int enter_until(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags, std::chrono::steady_clock::time_point deadline) noexcept = 0;

    /// Puts `regions` into the table of registered buffers from place `first` on; an empty region
    /// frees its place. How many were put there, or a negative errno.
    virtual int update_buffers(std::uint32_t first, std::span<const iovec> regions) noexcept = 0;
    /// Frees the whole table, and with it the locked memory that it was charged.
    virtual void drop_buffers() noexcept = 0;

    /// Has `event_fd` written to at each completion while `cq_flags` is 0. Throws
    /// std::system_error.
    virtual void register_event(int event_fd) = 0;
};

} // namespace ngpoll
