// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "io_source.hpp"
#include "latency_histogram.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "tick_clock.hpp"

namespace ngpoll::cli {

/// Failed I/Os of one kind.
struct error_count {
    ngpoll::status status;
    std::uint64_t count = 0;
};

/// One thread of the benchmark, and its counts. It does I/O until stop(), or until its blocks are
/// done. Then it waits for its I/Os in flight, however long the drive takes, and calls `ended`. The
/// derived class does the I/O: on a ring, or as a worker of a group.
class bench_worker {
public:
    using clock = std::chrono::steady_clock;

    struct setting {
        poll_queue& queue;
        const namespace_info& device;
        const bench_options& options;
        const bench_geometry& geometry;
        tick_source clock = tick_source::none; ///< the clock that times each I/O
        std::uint32_t index = 0; ///< among all threads
        std::uint32_t index_on_drive = 0; ///< among those on its drive
        std::uint32_t threads_on_drive = 1;
        std::span<const std::uint32_t> cpus; ///< the thread keeps to these; empty: any
        std::latch& all_made; ///< the thread waits for it before it sets anything up
        const std::atomic<bool>& given_up; ///< read once `all_made` is at zero; true: touch nothing
        std::latch& ready; ///< the thread counts it down once it is set up, or has failed
        std::function<void()> ended; ///< called last on this thread, if it was set up
    };

    bench_worker(const bench_worker&) = delete;
    bench_worker& operator=(const bench_worker&) = delete;
    /// The destructor of the derived class joins the thread.
    virtual ~bench_worker() = default;

    /// Makes this thread submit no more. Any thread may call it.
    void stop() noexcept
    {
        stopping_.store(true, std::memory_order_relaxed); // relaxed: it may be seen a little later
    }
    void join();

    /// Why this thread could not be set up. Valid once `ready` is at zero.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// Any thread may call it, once `ready` is at zero and failure() is not set.
    [[nodiscard]] virtual ring_stats stats() const = 0;
    /// Batches of a group's worker. Any thread may call it.
    [[nodiscard]] virtual std::uint64_t batches() const noexcept { return 0; }
    [[nodiscard]] std::uint64_t error_total() const noexcept
    {
        return error_total_.load(std::memory_order_relaxed); // relaxed: a statistic
    }
    /// Adds the latencies of the I/Os that succeeded so far, in ticks of the setting's clock. A
    /// latency is the time from submit() to the callback, or until next() returned the batch. At a
    /// rate these times go to `service`, and the times since the I/Os were due go to `sum`.
    void add_latencies_to(latency_set& sum, latency_set& service) const;
    /// The first reads of all requests: how many there were, and how many brought only zeros.
    struct first_reads {
        std::uint32_t all = 0;
        std::uint32_t zeros = 0;
    };
    // Call these after join().
    [[nodiscard]] const first_reads& first() const noexcept { return first_; }
    [[nodiscard]] const std::vector<error_count>& errors() const noexcept { return errors_; }
    [[nodiscard]] bool in_huge_pages() const noexcept { return in_huge_pages_; }
    /// The times of the first submission and of the last completion, if blocks end the run.
    [[nodiscard]] clock::time_point began_at() const noexcept { return began_at_; }
    [[nodiscard]] clock::time_point done_at() const noexcept { return done_at_; }

protected:
    using counts_by_operation = std::array<std::unique_ptr<latency_counts>, kOperations>;

    explicit bench_worker(const setting& from);
    /// Starts the thread. The derived class calls it last in its constructor, because the thread
    /// uses the whole object.
    void start();
    /// Sets up, calls begin(), and works until the end. Only set-up throws.
    virtual void work_until_end() = 0;
    /// Called on the same thread after work_until_end() has thrown.
    virtual void give_up() noexcept = 0;

    /// Waits until all threads are ready.
    void begin();
    void mark_done() noexcept { done_at_ = clock::now(); }
    [[nodiscard]] bool is_stopping() const noexcept
    {
        return stopping_.load(std::memory_order_relaxed); // relaxed: no other data depends on it
    }
    /// Makes counts for each operation that the run does.
    [[nodiscard]] counts_by_operation make_counts() const;
    /// The counts of the operation that `r` did. `r` must still hold its command.
    template <io_kind Kind>
    [[nodiscard]] static latency_counts& counts_of(
        const counts_by_operation& all, const request& r) noexcept
    {
        return *all[static_cast<std::size_t>(
            Kind == io_kind::any ? operation_of(r.cmd) : operation::read)];
    }
    void count_error(status outcome) noexcept;
    /// Counts the first read of a request, and whether it brought only zeros.
    void look_at_first(const request& r) noexcept;
    /// The --work for one completion: reads the clock until the time of this thread is over.
    void work() const noexcept;

    // Read and written for every completion.
    std::atomic<bool> stopping_{false};
    counts_by_operation latencies_; ///< null for an operation that is not done or not timed
    counts_by_operation service_latencies_; ///< at a rate only

    const std::uint64_t work_ns_; ///< work for one completion
    const setting from_;
    bool in_huge_pages_ = false;

private:
    void run() noexcept;

    first_reads first_;
    std::exception_ptr failure_;
    std::atomic<std::uint64_t> error_total_{0};
    std::vector<error_count> errors_;
    clock::time_point began_at_;
    clock::time_point done_at_;
    std::thread thread_;
};

/// A seed that differs from run to run.
[[nodiscard]] std::uint64_t random_seed();

} // namespace ngpoll::cli
