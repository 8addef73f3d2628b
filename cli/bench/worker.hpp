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
#include "tick_clock.hpp"

namespace ngpoll::cli {

/// Failed I/Os of one kind.
struct error_count {
    ngpoll::status status;
    std::uint64_t count = 0;
};

/// One thread of the benchmark, and what it counts. It does I/O until stop(), or until its blocks
/// are done. Then it finishes what is in flight, however long the drive takes for that, and calls
/// `ended`. How it does its I/O is the derived class's: on a ring, or as a worker of a group.
class bench_worker {
public:
    using clock = std::chrono::steady_clock;

    struct setting {
        poll_queue& queue;
        const namespace_info& device;
        const bench_options& options;
        const bench_geometry& geometry;
        tick_source clock = tick_source::none; ///< what each I/O is timed with
        std::uint32_t index = 0; ///< among all threads
        std::uint32_t index_on_drive = 0; ///< among those on its drive
        std::uint32_t threads_on_drive = 1;
        std::span<const std::uint32_t> cpus; ///< to keep to; empty: any
        std::latch& all_made; ///< waited for before anything is set up
        const std::atomic<bool>& given_up; ///< set before `all_made` is at zero: end, touch nothing
        std::latch& ready; ///< counted down once set up, or failed
        std::function<void()> ended; ///< called last on this thread, if it was set up
    };

    bench_worker(const bench_worker&) = delete;
    bench_worker& operator=(const bench_worker&) = delete;
    /// That of the derived class joins.
    virtual ~bench_worker() = default;

    /// From now on it submits nothing. Any thread.
    void stop() noexcept
    {
        stopping_.store(true, std::memory_order_relaxed); // relaxed: to be seen some time
    }
    void join();

    /// Why this thread could not be set up; once `ready` is at zero.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// Any thread, once `ready` is at zero and failure() is not set.
    [[nodiscard]] virtual ring_stats stats() const = 0;
    /// Batches of a group's worker. Any thread.
    [[nodiscard]] virtual std::uint64_t batches() const noexcept { return 0; }
    [[nodiscard]] std::uint64_t error_total() const noexcept
    {
        return error_total_.load(std::memory_order_relaxed); // relaxed: a statistic
    }
    /// Adds how long the I/Os that succeeded took so far, in ticks of the setting's clock: from
    /// submit() to the callback, or until next() returned the batch. At a rate that goes to
    /// `service`, and to `sum` the time since each was due.
    void add_latencies_to(latency_set& sum, latency_set& service) const;
    /// Of the first read of each request: how many came, and how many brought nothing but zeros.
    struct first_reads {
        std::uint32_t all = 0;
        std::uint32_t zeros = 0;
    };
    // After join().
    [[nodiscard]] const first_reads& first() const noexcept { return first_; }
    [[nodiscard]] const std::vector<error_count>& errors() const noexcept { return errors_; }
    [[nodiscard]] bool in_huge_pages() const noexcept { return in_huge_pages_; }
    /// From the first submission to the last completion, where the blocks end the run.
    [[nodiscard]] clock::time_point began_at() const noexcept { return began_at_; }
    [[nodiscard]] clock::time_point done_at() const noexcept { return done_at_; }

protected:
    using counts_by_operation = std::array<std::unique_ptr<latency_counts>, kOperations>;

    explicit bench_worker(const setting& from);
    /// The derived class's constructor ends with it: the thread uses all of the object.
    void start();
    /// Sets up, calls begin(), and works until the end. Only set-up throws.
    virtual void work_until_end() = 0;
    /// After that has thrown, on the same thread.
    virtual void give_up() noexcept = 0;

    /// Waits until all threads are ready.
    void begin();
    void is_done() noexcept { done_at_ = clock::now(); }
    [[nodiscard]] bool is_stopping() const noexcept
    {
        return stopping_.load(std::memory_order_relaxed); // relaxed: nothing is read because of it
    }
    /// Counts of each operation that the run does.
    [[nodiscard]] counts_by_operation make_counts() const;
    /// Counts of what `r` did, while its command stands in it.
    template <io_kind Kind>
    [[nodiscard]] static latency_counts& counts_of(
        const counts_by_operation& all, const request& r) noexcept
    {
        return *all[static_cast<std::size_t>(
            Kind == io_kind::any ? operation_of(r.cmd) : operation::read)];
    }
    void note(status outcome) noexcept;
    /// Looks at what a request's first read brought.
    void look_at_first(const request& r) noexcept;
    /// --work: looks at the clock for as long as one completion takes this thread.
    void work() const noexcept;

    // Read and written for every completion.
    std::atomic<bool> stopping_{false};
    counts_by_operation latencies_; ///< of those that it does; none where nothing is timed
    counts_by_operation service_latencies_; ///< at a rate only

    const std::uint64_t work_ns_; ///< of one completion
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
