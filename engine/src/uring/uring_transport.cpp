// SPDX-License-Identifier: MIT
#include "uring_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sched.h>

#include <ngpoll/assert.hpp>

#include "../error.hpp"

namespace ngpoll {

namespace {

/// Writes the part of an entry that depends on the request. The other fields are the same for every
/// command on this namespace, and were written when the ring was set up.
void write_entry(uapi::passthrough_sqe& sqe, request& r) noexcept
{
    static_assert(IORING_URING_CMD_FIXED == 1);
    sqe.uring_cmd_flags = r.fixed;
    sqe.user_data = reinterpret_cast<std::uintptr_t>(&r);
    sqe.buf_index = r.fixed_index;
    sqe.cmd = r.cmd;
    sqe.timeout_ms = r.timeout_ms;
}

/// `freed`: the places in the index array for the entries that become free; unused unless kKept.
template <bool kAllOwn, bool kKept>
void finish_entries(completion_batch& batch, const uapi::passthrough_cqe* cqe,
    const uapi::passthrough_cqe* end, unsigned* freed) noexcept
{
    const auto finish = [&batch](request& r, status outcome, std::uint64_t result) {
        if constexpr (kAllOwn)
            batch.finish_own(r, outcome, result);
        else
            batch.finish_shared(r, outcome, result);
    };
#pragma GCC unroll 4
    for (; cqe != end; ++cqe) {
        auto& r = *reinterpret_cast<request*>(cqe->user_data);
        // Comes first: the callback may give the request away.
        if constexpr (kKept)
            *freed++ = r.entry;
        if (cqe->res == 0) [[likely]]
            finish(r, {}, cqe->result);
        else
            finish(r, status_from_result(cqe->res), cqe->result);
    }
}

/// Out of line: building the sentence would take registers from the callers.
[[noreturn, gnu::cold, gnu::noinline]] void stop_overflowed() noexcept
{
    detail::stop("the completion queue overflowed, which its size should make impossible: "
                 "completions are lost");
}

[[noreturn, gnu::cold, gnu::noinline]] void stop_unreachable(int failed) noexcept
{
    char text[160];
    std::snprintf(text, sizeof text,
        "io_uring_enter fails for good (errno %d): the requests in flight can never finish",
        failed);
    detail::stop(text);
}

/// Decides on an error of io_uring_enter(). True if another try may succeed.
[[gnu::cold, gnu::noinline]] bool may_try_again(int failed) noexcept
{
    switch (failed) {
    case EINTR: // a signal ended the wait
    case ETIME: // the deadline passed
    case EAGAIN: // no memory for a request, now
    case ENOMEM: // no memory, from older code of the kernel
    case EBUSY: // completions overflowed into the kernel's backlog: reaping makes room
        return true; // the kernel took nothing; the next pass sends the entries again
    case EBADR: // the kernel dropped completions for want of memory
        detail::stop("the kernel lost completions (EBADR): their requests can never finish");
    case EEXIST: // IORING_SETUP_SINGLE_ISSUER
        detail::stop("a poll queue with rings_max 1 was used from a second thread (EEXIST); make "
                     "it with rings_max 2 or more");
    default: return false;
    }
}

/// Whether the calling thread is limited to `processors`.
bool is_pinned_to(const std::vector<std::uint32_t>& processors)
{
    // 16,384 processors: the kernel refuses a set with less room than it needs
    cpu_set_t allowed[16];
    if (::sched_getaffinity(0, sizeof allowed, allowed) != 0)
        detail::fail(errno, "the processors of this thread could not be read");
    for (const std::uint32_t cpu : processors)
        CPU_CLR_S(cpu, sizeof allowed, allowed);
    return CPU_COUNT_S(sizeof allowed, allowed) == 0;
}

} // namespace

uring_transport::uring_transport(
    std::unique_ptr<kernel_ring> ring, poll_queue_report report, options requested, holdings held)
    : ring_(std::move(ring))
    , memory_(ring_->memory())
    , options_(std::move(requested))
    , held_(std::move(held))
    , sq_tail_(*memory_.sq_tail)
{
    NGPOLL_ASSERT(!options_.needs_data || memory_.sq_array != nullptr,
        "only kernels before 6.15 need data, and they have an index array");
    report_ = std::move(report);
    for (unsigned i = 0; i < memory_.sq_entries; ++i) {
        memory_.sqes[i] = {
            .opcode = IORING_OP_URING_CMD,
            .flags = static_cast<std::uint8_t>(options_.registered_file ? IOSQE_FIXED_FILE : 0),
            .fd = options_.registered_file ? 0 : options_.fd,
            .cmd_op = static_cast<std::uint32_t>(NVME_URING_CMD_IO),
        };
    }
}

transport_seat uring_transport::attach()
{
    if (options_.hardware_queue && !is_pinned_to(options_.processors))
        detail::refuse(fmt::format(
            "this thread may run outside of the processors of hardware queue {}; pin it to them "
            "(sched_setaffinity) before it makes its ring, or its resident poller's queue",
            *options_.hardware_queue));
    return ring_->attach();
}

void uring_transport::write_entries(std::span<request* const> to_send) noexcept
{
    const auto count = static_cast<unsigned>(to_send.size());
    in_flight_ += count;
    NGPOLL_ASSERT(in_flight_ <= memory_.sq_entries, "more in flight than the queue's depth");
    if (memory_.sq_array != nullptr)
        write_to_free(to_send);
    else
        write_in_order(to_send);
    sq_tail_ += count;
    // release: the entries are written before the kernel sees the tail.
    io_uring_smp_store_release(memory_.sq_tail, sq_tail_);
}

void uring_transport::write_in_order(std::span<request* const> to_send) noexcept
{
    // The kernel has read every entry that is written here. Entries that it has not read are in
    // flight, and no more requests are in flight than there are entries. So the kernel's head need
    // not be read.
    const unsigned first = sq_tail_ & (memory_.sq_entries - 1);
    // At most two stretches of entries: one up to the end of the array, one from its start.
    const std::size_t to_end = memory_.sq_entries - first;
    uapi::passthrough_sqe* sqe = memory_.sqes + first;
    std::span<request* const> stretch = to_send;
    if (to_send.size() > to_end) [[unlikely]] {
        for (request* const r : to_send.first(to_end))
            write_entry(*sqe++, *r);
        sqe = memory_.sqes;
        stretch = to_send.subspan(to_end);
    }
#pragma GCC unroll 4
    for (request* const r : stretch)
        write_entry(*sqe++, *r);
}

void uring_transport::write_to_free(std::span<request* const> to_send) noexcept
{
    const unsigned first = sq_tail_ & (memory_.sq_entries - 1);
    const std::size_t to_end = memory_.sq_entries - first;
    // The array's places name the free entries and stay as they are.
    const unsigned* place = memory_.sq_array + first;
    const auto write = [this, &place](request& r) {
        const unsigned entry = *place++;
        r.entry = static_cast<std::uint16_t>(entry);
        write_entry(memory_.sqes[entry], r);
    };
    std::span<request* const> stretch = to_send;
    if (to_send.size() > to_end) [[unlikely]] {
        for (request* const r : to_send.first(to_end))
            write(*r);
        place = memory_.sq_array;
        stretch = to_send.subspan(to_end);
    }
#pragma GCC unroll 4
    for (request* const r : stretch)
        write(*r);
    if (options_.needs_data) [[unlikely]]
        spoil_without_data(to_send);
}

[[gnu::cold, gnu::noinline]] void uring_transport::spoil_without_data(
    std::span<request* const> to_send) noexcept
{
    // The driver refuses a command with flags (since 4.5, 63088ec7c8ea), before it looks for data.
    for (request* const r : to_send)
        if (r->cmd.data == 0 || r->cmd.data_bytes == 0)
            memory_.sqes[r->entry].cmd.flags = 0xff;
}

// Flat: at depth 1 registers saved for calls are a good part of a command's cost here.
[[gnu::flatten]] transport::pass_result uring_transport::pass(std::span<request* const> to_send,
    completion_batch& batch, const transport_seat& seat, std::uint32_t min_complete) noexcept
{
    write_entries(to_send);
    // A wait for more completions than requests in flight would never end: without IOPOLL the
    // kernel would sleep for ever.
    const std::uint32_t wanted = std::min(min_complete, in_flight_);
    return take_in(batch, enter(seat, wanted, IORING_ENTER_GETEVENTS));
}

transport::pass_result uring_transport::take_in(completion_batch& batch, int sent) noexcept
{
    reap(batch);
    if (sent < 0) [[unlikely]] {
        end_unsent(batch, -sent);
        return {.sent = 0, .system_calls = 1};
    }
    return {.sent = static_cast<std::uint32_t>(sent), .system_calls = 1};
}

[[gnu::flatten]] transport::pass_result uring_transport::send(
    std::span<request* const> to_send, const transport_seat& seat) noexcept
{
    write_entries(to_send);
    // If it fails for good, the next pass finds out, too, and has a batch in which it ends
    // requests.
    const int sent = enter(seat, 0, 0);
    return {.sent = static_cast<std::uint32_t>(std::max(sent, 0)), .system_calls = 1};
}

int uring_transport::enter(
    const transport_seat& seat, std::uint32_t min_complete, unsigned flags) noexcept
{
    return outcome_of(ring_->enter(seat, unsent(), min_complete, flags));
}

unsigned uring_transport::unsent() const noexcept
{
    // acquire: the kernel has read the entries before the head. A short submit leaves entries
    // behind the head. They are counted again here, in their order.
    return sq_tail_ - io_uring_smp_load_acquire(memory_.sq_head);
}

int uring_transport::outcome_of(int entered) noexcept
{
    if (entered >= 0) [[likely]]
        return entered;
    return may_try_again(-entered) ? 0 : entered;
}

bool uring_transport::has_found() const noexcept
{
    // acquire: as in reap(). The head is a plain read: only the poller writes it.
    return *memory_.cq_head != io_uring_smp_load_acquire(memory_.cq_tail);
}

[[gnu::cold, gnu::noinline]] void uring_transport::end_unsent(
    completion_batch& batch, int failed) noexcept
{
    // acquire: as in enter(). The kernel takes nothing outside of io_uring_enter().
    const unsigned head = io_uring_smp_load_acquire(memory_.sq_head);
    const unsigned unsent = sq_tail_ - head;
    if (unsent == 0 && in_flight_ != 0)
        stop_unreachable(failed);
    // The tail goes back first: a callback may submit its finished request again.
    sq_tail_ = head;
    in_flight_ -= unsent;
    // release: as in write_entries(). No thread is in the kernel with this ring.
    io_uring_smp_store_release(memory_.sq_tail, sq_tail_);
    batch.add_found(unsent);
    for (unsigned place = head; place != head + unsent; ++place) {
        const unsigned at = place & (memory_.sq_entries - 1);
        const unsigned entry = memory_.sq_array != nullptr ? memory_.sq_array[at] : at;
        auto& r = *reinterpret_cast<request*>(memory_.sqes[entry].user_data);
        batch.finish(r, {.errno_value = failed}, 0);
    }
}

void uring_transport::reap(completion_batch& batch) noexcept
{
    const unsigned head = *memory_.cq_head; // plain: only pollers write it
    // acquire: the entries before the tail are written; pairs with the kernel's release.
    const unsigned tail = io_uring_smp_load_acquire(memory_.cq_tail);
    if (head == tail)
        return;
    // Each stretch ends where an array ends, so that no index wraps within a stretch.
    unsigned at = head;
    do {
        unsigned count = std::min(
            {tail - at, memory_.cq_entries - (at & (memory_.cq_entries - 1)), batch.stretch()});
        if (memory_.sq_array != nullptr) {
            const unsigned freed = (sq_tail_ - in_flight_) & (memory_.sq_entries - 1);
            count = std::min(count, memory_.sq_entries - freed);
        }
        finish_from(batch, at, count);
        at += count;
    } while (at != tail && !batch.is_late());
    batch.add_found(at - head);
    // release: the entries have been read before the kernel may write them again.
    io_uring_smp_store_release(memory_.cq_head, at);
    if (*memory_.cq_overflow != 0) [[unlikely]]
        stop_overflowed();
}

void uring_transport::finish_from(completion_batch& batch, unsigned head, unsigned count) noexcept
{
    const uapi::passthrough_cqe* const cqe = memory_.cqes + (head & (memory_.cq_entries - 1));
    const uapi::passthrough_cqe* const end = cqe + count;
    if (memory_.sq_array == nullptr) {
        in_flight_ -= count;
        if (batch.all_own())
            finish_entries<true, false>(batch, cqe, end, nullptr);
        else
            finish_entries<false, false>(batch, cqe, end, nullptr);
        return;
    }
    unsigned* const freed = memory_.sq_array + ((sq_tail_ - in_flight_) & (memory_.sq_entries - 1));
    in_flight_ -= count;
    if (batch.all_own())
        finish_entries<true, true>(batch, cqe, end, freed);
    else
        finish_entries<false, true>(batch, cqe, end, freed);
}

} // namespace ngpoll
