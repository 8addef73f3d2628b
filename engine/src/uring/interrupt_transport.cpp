// SPDX-License-Identifier: MIT
#include "interrupt_transport.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace ngpoll {

interrupt_transport::interrupt_transport(std::unique_ptr<interrupt_kernel_ring> ring,
    options requested, std::shared_ptr<buffer_table> buffers, int event_fd)
    : uring_transport(std::move(ring), {}, std::move(requested))
    , ring_(static_cast<interrupt_kernel_ring&>(kernel()))
    , buffers_(std::move(buffers))
    , event_fd_(event_fd)
{
    refused_.reserve(memory().sq_entries);
    accepted_.reserve(memory().sq_entries);
    missing_.reserve(kFixedBuffersMax);
    missed_before_.reserve(kFixedBuffersMax);
}

transport_seat interrupt_transport::attach()
{
    register_changes();
    if (!missing_.empty()) {
        std::uint32_t count = 0;
        std::uint64_t bytes = 0;
        buffers_->for_each_change(0, [&](std::uint32_t, std::span<const iovec> regions) {
            for (const iovec& region : regions) {
                count += region.iov_len != 0;
                bytes += region.iov_len;
            }
        });
        ring_.drop_buffers();
        fail_registering({.errno_value = missing_reason_,
            .what = fmt::format("the queue's {} buffers", count),
            .bytes = bytes,
            .each_ring = true});
    }
    if (event_fd_ >= 0) {
        disarm();
        ring_.register_event(event_fd_);
    }
    // Comes last: its results would have to be given back after a later failure.
    return uring_transport::attach();
}

void interrupt_transport::detach(const transport_seat& seat) noexcept
{
    // The kernel takes closed rings down in the background. Until then the buffers would count as
    // locked memory.
    ring_.drop_buffers();
    uring_transport::detach(seat);
}

transport::pass_result interrupt_transport::pass(std::span<request* const> to_send,
    completion_batch& batch, const transport_seat& seat, std::uint32_t min_complete) noexcept
{
    catch_up();
    if (event_fd_ >= 0)
        disarm();
    if (!missing_.empty()) [[unlikely]]
        to_send = without_refused(to_send);
    if (!refused_.empty()) [[unlikely]] {
        const pass_result did = uring_transport::pass(to_send, batch, seat, 0);
        finish_refused(batch);
        return did;
    }
    if (batch.until() == nullptr)
        return uring_transport::pass(to_send, batch, seat, min_complete);
    write_entries(to_send);
    // A wait for more completions than requests in flight would never end.
    const std::uint32_t wanted = std::min(min_complete, in_flight());
    return take_in(batch,
        outcome_of(
            ring_.enter_until(seat, unsent(), wanted, IORING_ENTER_GETEVENTS, *batch.until())));
}

transport::pass_result interrupt_transport::send(
    std::span<request* const> to_send, const transport_seat& seat) noexcept
{
    catch_up();
    if (!missing_.empty()) [[unlikely]]
        to_send = without_refused(to_send);
    return uring_transport::send(to_send, seat);
}

bool interrupt_transport::arm_event(const transport_seat& seat) noexcept
{
    catch_up();
    // seq_cst: the look below must not come before the write. Otherwise a completion could come in
    // between that neither writes to event_fd nor is seen here. An exchange is a full barrier; TSan
    // does not know fences.
    std::atomic_ref(*memory().cq_flags).exchange(0U, std::memory_order_seq_cst);
    // With DEFER_TASKRUN the kernel moves completions to the visible ring only now. It writes to no
    // eventfd any more for completions that wait already.
    ring_.enter(seat, unsent(), 0, IORING_ENTER_GETEVENTS);
    if (!has_found() && unsent() == 0 && refused_.empty())
        return true;
    disarm();
    return false;
}

void interrupt_transport::disarm() noexcept
{
    IO_URING_WRITE_ONCE(*memory().cq_flags, unsigned{IORING_CQ_EVENTFD_DISABLED});
}

void interrupt_transport::register_changes() noexcept
{
    static constexpr std::array<iovec, 256> kNothing{};
    // Removed buffers go first: this makes room under the limit of locked memory.
    if (seen_ != 0)
        buffers_->for_each_change(seen_, [&](std::uint32_t first, std::span<const iovec> regions) {
            for (std::size_t at = 0; at < regions.size(); at += kNothing.size())
                ring_.update_buffers(first + static_cast<std::uint32_t>(at),
                    std::span(kNothing).first(std::min(kNothing.size(), regions.size() - at)));
        });
    std::swap(missing_, missed_before_);
    seen_ = buffers_->for_each_change(
        seen_, [&](std::uint32_t first, std::span<const iovec> regions) {
            if (!missed_before_.empty())
                std::fill_n(missed_before_.begin() + first, regions.size(), false);
            register_run(first, regions, nullptr);
        });
    if (!missed_before_.empty())
        buffers_->for_each_change(0, [&](std::uint32_t first, std::span<const iovec> regions) {
            register_run(first, regions, &missed_before_);
        });
    missed_before_.clear();
}

void interrupt_transport::register_run(
    std::uint32_t first, std::span<const iovec> regions, const std::vector<bool>* only) noexcept
{
    const auto end = static_cast<std::uint32_t>(regions.size());
    const auto is_wanted = [&](std::uint32_t i) {
        return regions[i].iov_len != 0 && (only == nullptr || (*only)[first + i]);
    };
    for (std::uint32_t from = 0, to = 0; from != end; from = to) {
        while (from != end && !is_wanted(from))
            ++from;
        for (to = from; to != end && is_wanted(to);)
            ++to;
        // The kernel may do a part of the places. It says why it stopped only when it does none.
        while (from != to) {
            const int done = ring_.update_buffers(first + from, regions.subspan(from, to - from));
            if (done <= 0) {
                missing_reason_ = done < 0 ? -done : ENOMEM;
                missing_.resize(kFixedBuffersMax);
                std::fill_n(missing_.begin() + first + from, to - from, true);
                break;
            }
            from += static_cast<std::uint32_t>(done);
        }
    }
}

bool interrupt_transport::is_missing(const request& r) const noexcept
{
    return r.fixed != 0 && r.fixed_index < missing_.size() && missing_[r.fixed_index];
}

std::span<request* const> interrupt_transport::without_refused(
    std::span<request* const> to_send) noexcept
{
    accepted_.clear();
    for (request* const r : to_send)
        (is_missing(*r) ? refused_ : accepted_).push_back(r);
    return accepted_;
}

void interrupt_transport::finish_refused(completion_batch& batch) noexcept
{
    batch.add_found(static_cast<std::uint32_t>(refused_.size()));
    // A callback may submit the request again, which only stages it.
    for (request* const r : refused_)
        batch.finish(*r, {.errno_value = missing_reason_}, 0);
    refused_.clear();
}

} // namespace ngpoll
