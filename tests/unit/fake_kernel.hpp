// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "testing_access.hpp"
#include "uring/kernel_ring.hpp"
#include "uring/uring_transport.hpp"

namespace ngpoll::test {

/// The kernel's side of a ring, in this process. It takes entries and posts completions as a test
/// says, and keeps every call and every entry in order. Like a kernel that has no tag left, it
/// reads a command's entry once more before it completes the command.
class fake_kernel final : public interrupt_kernel_ring {
public:
    struct call {
        unsigned to_submit;
        unsigned min_complete;
        unsigned flags;
        std::chrono::steady_clock::time_point until = {}; ///< 0: no deadline
    };

    /// `start` is the first value of all four indices; near UINT_MAX they wrap soon. `has_array`:
    /// the ring has an index array, like the rings of kernels before 6.15.
    explicit fake_kernel(unsigned entries, unsigned start = 0, bool has_array = false)
        : sqes_(entries)
        , array_(entries)
        , cqes_(2 * std::size_t{entries})
    {
        std::iota(array_.begin(), array_.end(), 0U);
        sq_head_ = sq_tail_ = cq_head_ = cq_tail_ = start;
        memory_ = {.sq_head = &sq_head_,
            .sq_tail = &sq_tail_,
            .sq_entries = entries,
            .sqes = sqes_.data(),
            .sq_array = has_array ? array_.data() : nullptr,
            .cq_head = &cq_head_,
            .cq_tail = &cq_tail_,
            .cq_overflow = &cq_overflow_,
            .cq_entries = 2 * entries,
            .cqes = cqes_.data(),
            .cq_flags = &cq_flags};
    }

    int enter(const transport_seat&, unsigned to_submit, unsigned min_complete,
        unsigned flags) noexcept override
    {
        calls.push_back({.to_submit = to_submit, .min_complete = min_complete, .flags = flags});
        int may_take = static_cast<int>(to_submit);
        if (!plan.empty()) {
            may_take = std::min(plan.front(), may_take);
            plan.pop_front();
        }
        if (may_take < 0)
            return may_take;
        take(static_cast<unsigned>(may_take));
        if (on_enter)
            on_enter(*this);
        return may_take;
    }

    int enter_until(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags, std::chrono::steady_clock::time_point deadline) noexcept override
    {
        const int entered = enter(seat, to_submit, min_complete, flags);
        calls.back().until = deadline;
        return entered;
    }
    int update_buffers(std::uint32_t first, std::span<const iovec> regions) noexcept override
    {
        int done = 0;
        for (const iovec& region : regions) {
            locked_bytes -= table[first].iov_len;
            table.erase(first);
            if (locked_bytes + region.iov_len > locked_bytes_max)
                return done != 0 ? done : -ENOMEM;
            locked_bytes += region.iov_len;
            if (region.iov_len != 0)
                table[first] = region;
            ++first;
            ++done;
        }
        return done;
    }
    void drop_buffers() noexcept override
    {
        table.clear();
        locked_bytes = 0;
    }
    void register_event(int event_fd) override { registered_event = event_fd; }

    transport_seat attach() override
    {
        ++attached;
        return {.enter_fd = 3};
    }
    void detach(const transport_seat&) noexcept override { --attached; }
    std::uint16_t register_buffers(
        std::byte*, std::size_t, std::uint32_t, std::uint32_t count) override
    {
        registered += count;
        return 40;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t count) noexcept override
    {
        registered -= count;
    }

    /// Completes the `index`th command in flight.
    void complete(std::size_t index, std::int32_t res, std::uint64_t result = 0)
    {
        if (cq_tail_ - cq_head_ == memory_.cq_entries) {
            ++cq_overflow_;
            return;
        }
        const uapi::passthrough_sqe& entry = sqes_[entries_in_flight_.at(index)];
        rewritten += entry.user_data != in_flight[index];
        entries_in_flight_.erase(entries_in_flight_.begin() + static_cast<std::ptrdiff_t>(index));
        cqes_[cq_tail_ & (memory_.cq_entries - 1)] = {.user_data = in_flight.at(index),
            .res = res,
            .flags = 0,
            .result = result,
            .reserved = 0};
        in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(index));
        ++cq_tail_;
    }
    void complete_all()
    {
        while (!in_flight.empty())
            complete(0, 0);
    }

    /// For each coming call the most entries that it takes, or the -errno that it fails with. When
    /// the plan is empty, a call takes every entry.
    std::deque<int> plan;
    std::function<void(fake_kernel&)> on_enter; ///< runs after the entries were taken
    std::vector<call> calls;
    std::vector<uapi::passthrough_sqe> taken;
    /// user data, in the order in which the entries were taken
    std::vector<std::uint64_t> in_flight;
    std::uint64_t rewritten = 0; ///< commands whose entry held another command at completion
    bool keep_taken = true;
    int attached = 0;
    std::uint32_t registered = 0;
    // For rings by interrupt:
    std::map<std::uint32_t, iovec> table; ///< the registered buffers, without empty places
    std::size_t locked_bytes = 0, locked_bytes_max = SIZE_MAX;
    int registered_event = -1;
    unsigned cq_flags = 0;

private:
    void take(unsigned count)
    {
        for (; count != 0; --count, ++sq_head_) {
            const unsigned entry = array_[sq_head_ & (memory_.sq_entries - 1)];
            const uapi::passthrough_sqe& sqe = sqes_[entry];
            if (keep_taken)
                taken.push_back(sqe);
            in_flight.push_back(sqe.user_data);
            entries_in_flight_.push_back(entry);
        }
    }

    unsigned sq_head_ = 0;
    unsigned sq_tail_ = 0;
    unsigned cq_head_ = 0;
    unsigned cq_tail_ = 0;
    unsigned cq_overflow_ = 0;
    std::vector<unsigned> entries_in_flight_; ///< the entry of each command in `in_flight`
    std::vector<uapi::passthrough_sqe> sqes_;
    std::vector<unsigned> array_;
    std::vector<uapi::passthrough_cqe> cqes_;
};

/// A poll queue over a fake kernel.
struct fake_drive {
    fake_kernel* kernel; ///< belongs to `queue`
    std::unique_ptr<poll_queue> queue;

    explicit fake_drive(poll_queue::options requested, uring_transport::options with = {},
        unsigned entries = 8, unsigned start = 0, bool has_array = false)
    {
        auto made = std::make_unique<fake_kernel>(entries, start, has_array);
        kernel = made.get();
        queue = testing_access::make(
            std::make_unique<uring_transport>(std::move(made), poll_queue_report{}, with),
            requested);
    }
};

} // namespace ngpoll::test
