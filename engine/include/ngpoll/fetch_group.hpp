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

/// Requests whose completions belong to a pool of workers and not to one thread: any thread
/// submits, and whichever worker is free takes what has finished, a batch at a time. Each worker
/// posts a fetch. The idea is that of ublk's batch fetch: many are posted, one is active at a time.
///
/// It has one of a shared poll queue's places, as a ring has, and rings and groups share that
/// queue. By interrupt the group has a kernel ring of its own, and a thread of its own that enters
/// it. A group does not call on_complete. A request is the group's from submit() until next()
/// returns it.
///
/// submit() and close() may be called on any thread; not after close() has returned. The group must
/// be closed before its poll_queue is destroyed. Fetches may outlive both: they give out what is
/// left. In a forked child all calls but the destructor are bugs, and that does nothing.
///
/// Invariant: each accepted request is given out exactly once, or finished where it is by close().
class fetch_group {
public:
    /// The options of a group.
    struct options {
        /// Requests submitted and not yet given out by next(), at once; part of the poll queue's
        /// depth. 0: an equal part of what the queue has left, at most 128.
        std::uint32_t depth = 0;
    };

    /// Throws std::system_error.
    /// - EINVAL: the queue is made for one ring (rings_max 1).
    /// - EINVAL: the queue is polled, for one hardware_queue, and has no resident: a thread that
    ///   submits may have to send, on any processor.
    /// - EBUSY: the queue has no place left, or not this depth.
    /// By interrupt also as ring's constructor, and where the thread or the eventfd cannot be made.
    fetch_group(poll_queue& queue, options requested);
    /// With the depth that an options::depth of 0 stands for.
    explicit fetch_group(poll_queue& queue)
        : fetch_group(queue, options{})
    {
    }
    /// Closes.
    ~fetch_group();
    fetch_group(const fetch_group&) = delete;
    fetch_group& operator=(const fetch_group&) = delete;

    /// Takes `r` over and sees to it that it is sent. False: `depth` are out, or the group closes;
    /// `r` is then the caller's still. Also false, and in debug builds the end of the program, for
    /// one that is outstanding already. With the role free, a worker that sleeps is woken to send
    /// it; where none sleeps, this thread sends it.
    [[nodiscard]] bool submit(request& r) noexcept;
    /// The same for many, in their order and in one step. Returns how many were taken, from the
    /// first one.
    [[nodiscard]] std::uint32_t submit(std::span<request* const> requests) noexcept;

    /// Refuses new requests and fetches, ends with ECANCELED what has not reached the drive, and
    /// returns once nothing is in flight. It does not wait for workers: what is finished and not
    /// taken stays for the posted fetches, and next() gives it out. With no fetch posted those
    /// requests are finished where they are: status set, the caller's again. Closing twice does
    /// nothing. A callback of a ring on a shared queue must not close a group.
    void close() noexcept;

    /// The depth in force.
    [[nodiscard]] std::uint32_t depth() const noexcept;
    /// What threads did inside submit() and close(): commands sent, system calls, wake-ups. Any
    /// thread.
    [[nodiscard]] ring_stats submit_stats() const noexcept;

private:
    friend class fetch;
    std::shared_ptr<detail::open_group> state_;
    detail::queue_state* queue_ = nullptr; ///< null once closed
};

/// Where one worker of a group gets its batches. Made, used and closed on the worker's thread; a
/// thread that ends closes what it left open. It has two buffers: a batch may lie there before the
/// worker asks for it. Nothing throws but the constructor.
class fetch {
public:
    /// The options of a fetch.
    struct options {
        /// Most requests of one batch; at most the group's depth counts. A batch is what was there:
        /// nothing waits for it to fill.
        std::uint32_t batch_max = 32;
        /// An eventfd(2) for a worker in an event loop. Once next() has returned nothing, it is
        /// written to when a batch lies there or the group is closed. The caller's; must be open
        /// until the fetch is closed. -1: none. The queue needs a resident.
        int event_fd = -1;
    };

    /// Throws std::system_error.
    /// - EINVAL: a batch_max of 0; an event_fd where the queue is polled and has no resident.
    /// - ESHUTDOWN: the group closes.
    fetch(fetch_group& group, options requested);
    /// With the defaults of options.
    explicit fetch(fetch_group& group)
        : fetch(group, options{})
    {
    }
    /// Closes.
    ~fetch();
    fetch(const fetch&) = delete;
    fetch& operator=(const fetch&) = delete;

    /// Finished requests, 1 to batch_max, the caller's from then on, and room for as many more in
    /// the group. The span is good until the next call. Sleeps until something is there; polls for
    /// all meanwhile where the queue has no resident and nobody else does. Empty: the group is
    /// closed, and nothing will come. Inside a callback of a ring on a shared queue it is empty at
    /// once.
    [[nodiscard]] std::span<request* const> next() noexcept;
    /// The same, but returns by `deadline`; then it may be empty for that. has_ended() tells.
    [[nodiscard]] std::span<request* const> next(
        std::chrono::steady_clock::time_point deadline) noexcept;
    /// After next() has returned nothing: whether nothing will come, for the group is closed.
    [[nodiscard]] bool has_ended() const noexcept;

    /// Withdraws it: what lies there unread goes to another fetch, or to the next one posted.
    void close() noexcept;

    /// What the worker did: requests it got are `finished_deferred`.
    [[nodiscard]] ring_stats stats() const noexcept;

private:
    friend struct detail::open_fetches;
    std::span<request* const> get(const std::chrono::steady_clock::time_point* deadline) noexcept;

    std::shared_ptr<detail::open_group> group_;
    detail::worker* worker_ = nullptr; ///< the group's; null once closed
    ring_stats last_stats_; ///< once closed
    const std::uintptr_t caller_; ///< its thread, in the process that made it
    fetch* next_on_thread_ = nullptr; ///< of those open on this thread
    fetch* previous_on_thread_ = nullptr;
};

} // namespace ngpoll
