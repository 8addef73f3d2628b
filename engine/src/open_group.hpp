// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ngpoll/request.hpp>
#include <ngpoll/ring_stats.hpp>

#include "group.hpp"
#include "group_queue.hpp"
#include "interrupt_poller.hpp"
#include "native.hpp"
#include "process.hpp"
#include "shared_queue.hpp"

namespace ngpoll::detail {

/// A fetch with the memory of its buffers.
struct worker : basic_fetch<native> {
    /// Sets up a free fetch: no other thread touches it.
    void set_up(std::uint32_t most, int fd, const pass_context& as);

private:
    std::unique_ptr<request*[]> arrays_;
    std::uint32_t room_ = 0;
};

/// The state of a fetch_group and its fetches. The queue's next group uses it again.
class open_group {
public:
    open_group() = default;
    ~open_group();
    open_group(const open_group&) = delete;
    open_group& operator=(const open_group&) = delete;

    /// Opens the group at place `place` of the queue, with `number`.
    void reopen(shared_queue<native>& queue, std::uint32_t depth, inbox& place,
        std::uint64_t number, const transport_seat& seat);
    /// Opens the group by interrupt, with a kernel ring of its own. Throws like interrupt_poller's
    /// constructor.
    void reopen(interrupt_rings& rings, std::uint32_t depth, std::uint64_t number);

    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;
    void close() noexcept;
    /// Throws ESHUTDOWN.
    [[nodiscard]] worker* post(std::uint32_t batch_max, int event_fd);

    [[nodiscard]] ring_stats submit_stats() const noexcept;
    [[nodiscard]] std::uint64_t number() const noexcept { return as_.number; }
    [[nodiscard]] bool has_resident() const noexcept { return has_resident_; }
    /// Figures of the thread that enters the kernel ring, by interrupt; else zero.
    [[nodiscard]] ring_stats poller_stats() const noexcept;
    [[nodiscard]] bool is_inherited() const noexcept { return detail::is_inherited(process_); }

    basic_group<native> state;
    /// Good until the group is detached. Its queue may be gone after that.
    [[nodiscard]] group_queue<native> calls() noexcept { return {*queue_, state}; }

private:
    /// Marks the requests one after the other, in the order in which submit() got them. Returns how
    /// many may be taken.
    static std::uint32_t mark_taken(std::span<request* const> requests) noexcept;
    void count(const pass_context& did) noexcept;

    std::unique_ptr<interrupt_poller> own_poller_; ///< by interrupt; stopped after the close
    shared_queue<native>* queue_ = nullptr;
    bool has_resident_ = false;
    unsigned process_ = process_generation;
    pass_context as_; ///< the context with which a thread of this group polls
    std::vector<std::unique_ptr<worker>> workers_; ///< guarded by state.mutex
    /// Written by submit() and close().
    std::atomic<std::uint64_t> sent_{0}, system_calls_{0}, wakes_{0};
};

} // namespace ngpoll::detail
