// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <ngpoll/detail/ring_state.hpp>

#include "uapi.hpp"

namespace ngpoll {

using detail::transport_seat;

/// The words and arrays of an io_uring instance that kernel and program share. The kernel moves
/// `sq_head` and `cq_tail`, the poller `sq_tail` and `cq_head`; head <= tail <= head + entries.
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

    /// As transport's functions of these names.
    virtual std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
        = 0;
    virtual void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept = 0;

protected:
    ring_memory memory_;
};

} // namespace ngpoll
