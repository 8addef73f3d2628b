// SPDX-License-Identifier: MIT
#include "uring_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include <ngpoll/assert.hpp>

#include "../error.hpp"

namespace ngpoll {

namespace {

/// What a request changes in its entry. The rest is the same for every command on this namespace
/// and was written once, when the ring was set up.
void write_entry(uapi::passthrough_sqe& sqe, request& r) noexcept
{
    static_assert(IORING_URING_CMD_FIXED == 1);
    sqe.uring_cmd_flags = r.fixed;
    sqe.user_data = reinterpret_cast<std::uintptr_t>(&r);
    sqe.buf_index = r.fixed_index;
    sqe.cmd = r.cmd;
    sqe.timeout_ms = r.timeout_ms;
}

void finish_entries(
    completion_batch& batch, const uapi::passthrough_cqe* cqe, unsigned count) noexcept
{
    for (const uapi::passthrough_cqe* const end = cqe + count; cqe != end; ++cqe) {
        auto& r = *reinterpret_cast<request*>(cqe->user_data);
        if (cqe->res == 0) [[likely]]
            batch.finish(r, {}, cqe->result);
        else
            batch.finish(r, status_from_result(cqe->res), cqe->result);
    }
}

} // namespace

uring_transport::uring_transport(std::unique_ptr<kernel_ring> ring, poll_queue_report report,
    options how, file_descriptor drive_lock)
    : ring_(std::move(ring))
    , memory_(ring_->memory())
    , options_(how)
    , drive_lock_(std::move(drive_lock))
    , sq_tail_(*memory_.sq_tail)
{
    report_ = std::move(report);
    for (unsigned i = 0; i < memory_.sq_entries; ++i) {
        memory_.sqes[i] = {
            .opcode = IORING_OP_URING_CMD,
            .flags = static_cast<std::uint8_t>(how.registered_file ? IOSQE_FIXED_FILE : 0),
            .fd = how.registered_file ? 0 : how.fd,
            .cmd_op = static_cast<std::uint32_t>(NVME_URING_CMD_IO),
        };
    }
}

void uring_transport::write_entries(std::span<request* const> to_send) noexcept
{
    const auto count = static_cast<unsigned>(to_send.size());
    in_flight_ += count;
    NGPOLL_ASSERT(in_flight_ <= memory_.sq_entries, "more in flight than the queue's depth");
    // The kernel has read every entry we are about to write: what it has not read is in flight, and
    // there are no more of those than entries. Its own head need not be looked at.
    const unsigned first = sq_tail_ & (memory_.sq_entries - 1);
    const unsigned to_end = std::min(count, memory_.sq_entries - first);
    uapi::passthrough_sqe* sqe = memory_.sqes + first;
    for (request* const r : to_send.first(to_end))
        write_entry(*sqe++, *r);
    sqe = memory_.sqes;
    for (request* const r : to_send.subspan(to_end))
        write_entry(*sqe++, *r);
    sq_tail_ += count;
    // release: the entries are written before the kernel sees the tail.
    io_uring_smp_store_release(memory_.sq_tail, sq_tail_);
}

transport::pass_result uring_transport::pass(std::span<request* const> to_send,
    completion_batch& batch, const transport_seat& seat, std::uint32_t min_complete) noexcept
{
    write_entries(to_send);
    // More than there is would never come: without IOPOLL the kernel would sleep on it for ever.
    const std::uint32_t wanted = std::min(min_complete, in_flight_);
    const std::uint32_t sent = enter(seat, wanted, IORING_ENTER_GETEVENTS);
    reap(batch);
    return {.sent = sent, .system_calls = 1};
}

transport::pass_result uring_transport::send(
    std::span<request* const> to_send, const transport_seat& seat) noexcept
{
    write_entries(to_send);
    return {.sent = enter(seat, 0, 0), .system_calls = 1};
}

std::uint32_t uring_transport::enter(
    const transport_seat& seat, std::uint32_t min_complete, unsigned flags) noexcept
{
    // acquire: the kernel has read what is before the head. A short submit leaves entries behind
    // the head, and they are counted again here, in their order.
    const unsigned to_submit = sq_tail_ - io_uring_smp_load_acquire(memory_.sq_head);
    const int taken = ring_->enter(seat, to_submit, min_complete, flags);
    if (taken >= 0) [[likely]]
        return static_cast<std::uint32_t>(taken);
    switch (-taken) {
    case EINTR: // a signal ended the wait
    case EAGAIN: // no memory for a request, now
    case ENOMEM: // the same, from older code
    case EBUSY: // completions overflowed into the kernel's backlog: reaping makes room
        return 0; // nothing was taken; the next pass sends it again
    case EBADR: // the kernel dropped completions for want of memory
        detail::stop("the kernel lost completions (EBADR): their requests can never finish");
    case EEXIST: // IORING_SETUP_SINGLE_ISSUER
        detail::stop(
            "a poll queue with rings_max 1 was used from a second thread (EEXIST); make it "
            "with rings_max 2 or more");
    default:
        detail::stop(fmt::format("io_uring_enter failed for good: {} (errno {})",
            status{.errno_value = -taken}.text(), -taken));
    }
}

void uring_transport::reap(completion_batch& batch) noexcept
{
    const unsigned head = *memory_.cq_head; // plain: written by pollers only
    // acquire: the entries before the tail are written; pairs with the kernel's release.
    const unsigned tail = io_uring_smp_load_acquire(memory_.cq_tail);
    if (head == tail)
        return;
    in_flight_ -= tail - head;
    batch.add_found(tail - head);
    // At most two stretches of entries: up to the end of the array, and from its start.
    const unsigned first = head & (memory_.cq_entries - 1);
    const unsigned to_end = std::min(tail - head, memory_.cq_entries - first);
    finish_entries(batch, memory_.cqes + first, to_end);
    if (to_end != tail - head)
        finish_entries(batch, memory_.cqes, tail - head - to_end);
    // release: the entries have been read before the kernel may write them again.
    io_uring_smp_store_release(memory_.cq_head, tail);
    if (*memory_.cq_overflow != 0) [[unlikely]]
        detail::stop("the completion queue overflowed, which its size should make impossible: "
                     "completions are lost");
}

} // namespace ngpoll
