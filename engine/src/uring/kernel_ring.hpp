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
/// `sq_head` and `cq_tail`. The poller moves `sq_tail`, `cq_head` and `cq_flags`. Invariant: head
/// <= tail <= head + entries.
struct ring_memory {
    unsigned* sq_head = nullptr;
    unsigned* sq_tail = nullptr;
    unsigned sq_entries = 0; ///< a power of two
    uapi::passthrough_sqe* sqes = nullptr;
    /// The index array: the number of the entry that each place of the ring submits, at first its
    /// own number. Null: each place always submits the entry of its own number.
    unsigned* sq_array = nullptr;

    unsigned* cq_head = nullptr;
    unsigned* cq_tail = nullptr;
    const unsigned* cq_overflow = nullptr; ///< completions that the kernel had to drop
    unsigned cq_entries = 0; ///< a power of two
    const uapi::passthrough_cqe* cqes = nullptr;
    /// IORING_CQ_EVENTFD_DISABLED or 0; the kernel only reads this word
    unsigned* cq_flags = nullptr;
};

/// The kernel's side of an io_uring instance. Tests put a kernel of their own here that submits
/// short, fails, or completes in any order.
class kernel_ring {
public:
    kernel_ring() = default;
    kernel_ring(const kernel_ring&) = delete;
    kernel_ring& operator=(const kernel_ring&) = delete;
    virtual ~kernel_ring() = default;

    [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }

    /// Calls io_uring_enter. Returns the number of entries taken, or a negative errno.
    virtual int enter(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags) noexcept = 0;

    /// Binds the calling thread; throws std::system_error.
    virtual transport_seat attach() = 0;
    virtual void detach(const transport_seat& seat) noexcept = 0;
    [[nodiscard]] virtual transport_seat any_threads_seat() const noexcept { return {}; }

    /// See the functions of these names in transport.
    virtual std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
        = 0;
    virtual void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept = 0;

protected:
    ring_memory memory_;
};

/// The additional calls of a ring by interrupt. It waits in the kernel, and belongs to one thread,
/// which registers the queue's buffers with it.
class interrupt_kernel_ring : public kernel_ring {
public:
    /// Like enter(), but waits no longer than until `deadline`. Returns -ETIME if it took nothing
    /// until then.
    virtual int enter_until(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags, std::chrono::steady_clock::time_point deadline) noexcept = 0;

    /// Puts `regions` into the table of registered buffers, from place `first` on. An empty region
    /// frees its place. Returns how many it put there, or a negative errno.
    virtual int update_buffers(std::uint32_t first, std::span<const iovec> regions) noexcept = 0;
    /// Frees the whole table, and the locked memory that it counted as.
    virtual void drop_buffers() noexcept = 0;

    /// The kernel writes to `event_fd` at each completion while `cq_flags` is 0. Throws
    /// std::system_error.
    virtual void register_event(int event_fd) = 0;
};

} // namespace ngpoll
