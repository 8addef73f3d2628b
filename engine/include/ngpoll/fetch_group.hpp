// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include <ngpoll/request.hpp>
#include <ngpoll/ring_stats.hpp>

namespace ngpoll {

class poll_queue;
namespace detail {
class open_group;
class queue_state;
struct open_fetches;
struct worker;
} // namespace detail

/// Submits requests for a pool of workers: their completions belong to the pool and not to one
/// thread. Any thread submits. A free worker takes the finished requests, a batch at a time. Each
/// worker posts a fetch. The idea comes from ublk's batch fetch: many fetches are posted, one is
/// active at a time.
///
/// A group takes one of the places of a shared poll queue, as a ring does. Rings and groups share
/// that queue. By interrupt a group has a kernel ring of its own, and one thread of its own enters
/// that ring. A group does not call on_complete. A request belongs to the group from submit()
/// until next() returns it.
///
/// Any thread may call submit() and close(), but not after close() has returned. Close the group
/// before its poll_queue is destroyed. Fetches may outlive both: they give out the requests that
/// are left. In a forked child all calls but the destructor are bugs, and the destructor does
/// nothing.
///
/// Invariant: each accepted request is given out exactly once, by next() or by close().
class fetch_group {
public:
    /// The options of a group.
    struct options {
        /// Most requests submitted and not yet given out by next(); part of the poll queue's depth.
        /// 0: an equal part of what the queue has left, at most 128.
        std::uint32_t depth = 0;
    };

    /// Throws std::system_error.
    /// - EINVAL: the queue is made for one ring (rings_max 1).
    /// - EINVAL: the queue is polled, for one hardware_queue, and has no resident. A submitting
    ///   thread may have to send requests itself, and it may be on any processor.
    /// - EBUSY: the queue has no place left, or not enough depth.
    /// By interrupt it also throws as ring's constructor does, and if the thread or the eventfd
    /// cannot be made.
    fetch_group(poll_queue& queue, options requested);
    /// Uses a depth of 0: an equal part of what is left.
    explicit fetch_group(poll_queue& queue)
        : fetch_group(queue, options{})
    {
    }
    /// Closes.
    ~fetch_group();
    fetch_group(const fetch_group&) = delete;
    fetch_group& operator=(const fetch_group&) = delete;

    /// Takes `r` and makes sure that it is sent. Returns false when `depth` requests are not given
    /// out yet, or the group closes; `r` then still belongs to the caller. Also returns false for a
    /// request that is outstanding already; a debug build stops the program. If no thread polls, it
    /// wakes a sleeping worker to send the request. If no worker sleeps, this thread sends it.
    [[nodiscard]] bool submit(request& r) noexcept;
    /// Submits many requests in their order, in one step. Returns how many it took, counted from
    /// the first one.
    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;

    /// Refuses new requests and fetches, ends requests that have not reached the drive with
    /// ECANCELED, and returns once nothing is in flight. It does not wait for workers: finished
    /// requests stay for the posted fetches, and next() gives them out. With no fetch posted,
    /// close() itself gives them back to the caller, with their status set. Closing twice does
    /// nothing. A callback of a ring on a shared queue must not close a group.
    void close() noexcept;

    /// The depth in force.
    [[nodiscard]] std::uint32_t depth() const noexcept;
    /// Figures of the work inside submit() and close(): commands sent, system calls, wake-ups. Any
    /// thread.
    [[nodiscard]] ring_stats submit_stats() const noexcept;

private:
    friend class fetch;
    std::shared_ptr<detail::open_group> state_;
    detail::queue_state* queue_ = nullptr; ///< null once closed
};

/// A worker's access to the batches of a group. A fetch is made, used and closed on the worker's
/// thread. A thread that ends closes the fetches it left open. A fetch has two buffers: a batch may
/// be there before the worker asks for it. Only the constructor throws.
class fetch {
public:
    /// The options of a fetch.
    struct options {
        /// Most requests in one batch; a value above the group's depth counts as that depth. next()
        /// does not wait until a batch is full.
        std::uint32_t batch_max = 32;
        /// An eventfd(2) for a worker in an event loop. After next() has returned nothing, it is
        /// written to when a batch is there or the group is closed. It belongs to the caller and
        /// must stay open until the fetch is closed. -1: none. The queue must have a resident, or
        /// work by interrupt.
        int event_fd = -1;
    };

    /// Throws std::system_error.
    /// - EINVAL: a batch_max of 0; an event_fd where the queue is polled and has no resident.
    /// - ESHUTDOWN: the group closes.
    fetch(fetch_group& group, options requested);
    /// Uses the default options.
    explicit fetch(fetch_group& group)
        : fetch(group, options{})
    {
    }
    /// Closes.
    ~fetch();
    fetch(const fetch&) = delete;
    fetch& operator=(const fetch&) = delete;

    /// Returns 1 to batch_max finished requests. They belong to the caller from then on, and the
    /// group has room for as many more. The span is good until the next call. Sleeps until a
    /// request is there. If the queue has no resident and no other thread polls, this thread polls
    /// for all meanwhile. Returns nothing once the group is closed and nothing will come. Inside a
    /// callback of a ring on a shared queue it returns nothing at once.
    [[nodiscard]] std::span<request* const> next() noexcept;
    /// Waits like next(), but returns by `deadline`, perhaps with nothing. has_ended() then tells
    /// whether the group is closed.
    [[nodiscard]] std::span<request* const> next(
        std::chrono::steady_clock::time_point deadline) noexcept;
    /// After next() has returned nothing: whether the group is closed, so that nothing will come.
    [[nodiscard]] bool has_ended() const noexcept;

    /// Withdraws the fetch. A batch that the worker has not read goes to another fetch, or to the
    /// next one posted.
    void close() noexcept;

    /// Figures of the worker: requests that it got count as `finished_deferred`.
    [[nodiscard]] ring_stats stats() const noexcept;

private:
    friend struct detail::open_fetches;
    std::span<request* const> get(const std::chrono::steady_clock::time_point* deadline) noexcept;

    std::shared_ptr<detail::open_group> group_;
    detail::worker* worker_ = nullptr; ///< part of the group; null once closed
    ring_stats last_stats_; ///< the figures at the end, once closed
    const std::uintptr_t caller_; ///< the fetch's thread, in the process that made the fetch
    fetch* next_on_thread_ = nullptr; ///< links the fetches that are open on this thread
    fetch* previous_on_thread_ = nullptr;
};

} // namespace ngpoll
