// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "uring/io_uring_instance.hpp"

namespace ngpoll::test {

/// Reads a page of /dev/zero into a registered buffer of the ring. Returns the kernel's result.
inline int fixed_read(
    io_uring_instance& ring, const transport_seat& seat, std::byte* at, unsigned index)
{
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const ring_memory& memory = ring.memory();
    const unsigned tail = *memory.sq_tail;
    auto& sqe = *reinterpret_cast<io_uring_sqe*>(&memory.sqes[tail & (memory.sq_entries - 1)]);
    std::memset(&sqe, 0, sizeof(uapi::passthrough_sqe));
    sqe.opcode = IORING_OP_READ_FIXED;
    sqe.fd = zero;
    sqe.addr = reinterpret_cast<std::uintptr_t>(at);
    sqe.len = 4096;
    sqe.buf_index = static_cast<std::uint16_t>(index);
    io_uring_smp_store_release(memory.sq_tail, tail + 1);
    ring.enter(seat, 1, 1, IORING_ENTER_GETEVENTS);
    ::close(zero);
    const unsigned head = *memory.cq_head;
    const int result = memory.cqes[head & (memory.cq_entries - 1)].res;
    io_uring_smp_store_release(memory.cq_head, head + 1);
    return result;
}

} // namespace ngpoll::test
