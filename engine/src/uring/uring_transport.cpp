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
    sqe.uring_cmd_flags = r.fixed_index == buffer::kNotFixed ? 0 : IORING_URING_CMD_FIXED;
    sqe.user_data = reinterpret_cast<std::uintptr_t>(&r);
    sqe.buf_index = r.fixed_index;
    sqe.cmd = r.cmd;
    sqe.timeout_ms = r.timeout_ms;
}

} // namespace

uring_transport::uring_transport(
    std::unique_ptr<kernel_ring> ring, poll_queue_report report, options how)
    : ring_(std::move(ring))
    , memory_(ring_->memory())
    , options_(how)
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

void uring_transport::prepare(request_list& list, std::uint32_t max) noexcept
{
    if (list.empty())
        return;
    // acquire: the kernel has read what is before the head; those entries may be written again.
    const unsigned unread = sq_tail_ - io_uring_smp_load_acquire(memory_.sq_head);
    const std::uint32_t room = std::min(max, memory_.sq_entries - unread);
    if (room == 0)
        return;
    const unsigned mask = memory_.sq_entries - 1;
    const unsigned end = sq_tail_ + room;
    unsigned tail = sq_tail_;
    request* last = &list.back();
    for (request* r = &list.front();; r = &request_list::after(*r)) {
        write_entry(memory_.sqes[tail & mask], *r);
        if (++tail == end || r == last) {
            list.drop_through(*r);
            break;
        }
    }
    in_flight_ += tail - sq_tail_;
    sq_tail_ = tail;
    // release: the entries are written before the kernel sees the tail.
    io_uring_smp_store_release(memory_.sq_tail, tail);
}

transport::pass_result uring_transport::poll(
    completion_batch& batch, const transport_seat& seat, std::uint32_t min_complete) noexcept
{
    // More than there is would never come: without IOPOLL the kernel would sleep on it for ever.
    const std::uint32_t wanted = std::min(min_complete, in_flight_);
    const std::uint32_t sent = enter(seat, wanted, IORING_ENTER_GETEVENTS);
    reap(batch);
    return {.sent = sent, .system_calls = 1};
}

transport::pass_result uring_transport::send(const transport_seat& seat) noexcept
{
    return {.sent = enter(seat, 0, 0), .system_calls = 1};
}

std::uint32_t uring_transport::enter(
    const transport_seat& seat, std::uint32_t min_complete, unsigned flags) noexcept
{
    // acquire: as in prepare(). A short submit leaves entries behind the head, and they are counted
    // again here, in their order.
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
        detail::stop("a poll queue with rings_max 1 was used from a second thread (EEXIST); make it "
                     "with rings_max 2 or more");
    default:
        detail::stop(fmt::format(
            "io_uring_enter failed for good: {} (errno {})", status{.errno_value = -taken}.text(),
            -taken));
    }
}

void uring_transport::reap(completion_batch& batch) noexcept
{
    const unsigned mask = memory_.cq_entries - 1;
    unsigned head = *memory_.cq_head; // plain: written by pollers only
    // acquire: the entries before the tail are written; pairs with the kernel's release.
    const unsigned tail = io_uring_smp_load_acquire(memory_.cq_tail);
    if (head == tail)
        return;
    in_flight_ -= tail - head;
    do {
        const uapi::passthrough_cqe& cqe = memory_.cqes[head & mask];
        status outcome;
        if (cqe.res != 0) [[unlikely]]
            outcome = status_from_result(cqe.res);
        batch.finish(*reinterpret_cast<request*>(cqe.user_data), outcome, cqe.result);
    } while (++head != tail);
    // release: the entries have been read before the kernel may write them again.
    io_uring_smp_store_release(memory_.cq_head, head);
    if (*memory_.cq_overflow != 0) [[unlikely]]
        detail::stop("the completion queue overflowed, which its size should make impossible: "
                     "completions are lost");
}

} // namespace ngpoll
