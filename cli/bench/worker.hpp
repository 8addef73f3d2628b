// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "io_source.hpp"
#include "latency_histogram.hpp"
#include "operation.hpp"
#include "options.hpp"
#include "pace.hpp"
#include "tick_clock.hpp"

namespace ngpoll::cli {

/// Failed I/Os of one kind.
struct error_count {
    ngpoll::status status;
    std::uint64_t count = 0;
};

/// One thread of the benchmark: a ring kept full of I/Os, each submitted again from its own
/// completion callback, until stop(). Then it finishes what is in flight, however long the drive
/// takes for that, and calls `ended`.
class bench_worker {
public:
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

    explicit bench_worker(const setting& from);
    bench_worker(const bench_worker&) = delete;
    bench_worker& operator=(const bench_worker&) = delete;
    ~bench_worker();

    /// From now on it submits nothing. Any thread.
    void stop() noexcept
    {
        stopping_.store(true, std::memory_order_relaxed); // relaxed: to be seen some time
    }
    void join();

    /// Why this thread could not be set up; once `ready` is at zero.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// Any thread, once `ready` is at zero and failure() is not set.
    [[nodiscard]] ring_stats stats() const noexcept { return ring_->stats(); }
    [[nodiscard]] std::uint64_t error_total() const noexcept
    {
        return error_total_.load(std::memory_order_relaxed); // relaxed: a statistic
    }
    /// Adds how long the I/Os that succeeded took so far, from submit() to the callback, in ticks
    /// of the setting's clock. At a rate that goes to `service`, and to `sum` the time since each
    /// was due.
    void add_latencies_to(latency_set& sum, latency_set& service) const;
    /// Of the first read of each request: how many came, and how many brought nothing but zeros.
    struct first_reads {
        std::uint32_t all = 0;
        std::uint32_t zeros = 0;
    };
    /// After join().
    [[nodiscard]] const first_reads& first() const noexcept { return first_; }
    [[nodiscard]] const std::vector<error_count>& errors() const noexcept { return errors_; }
    [[nodiscard]] bool in_huge_pages() const noexcept { return in_huge_pages_; }

private:
    using counts_by_operation = std::array<std::unique_ptr<latency_counts>, kOperations>;

    void run() noexcept;
    void work_until_stopped();
    void prepare(const buffer_pool& buffers);
    void prepare_clocks();
    /// Keeps the ring full until the end.
    void work_at_once();
    void note(status outcome) noexcept;

    template <tick_source Clock>
    [[nodiscard]] completion_function callback() const noexcept;
    /// A request's first completion: looks at what was read, and leaves the rest to on_complete_.
    static void finished_first(request& r) noexcept;
    template <io_kind Kind, tick_source Clock>
    static void finished(request& r) noexcept;
    template <io_kind Kind, tick_source Clock>
    [[gnu::noinline]] static void failed(request& r) noexcept;
    template <io_kind Kind>
    void submit_again(request& r) noexcept;
    [[nodiscard]] std::uint64_t ticks() const noexcept;
    /// Submits what is due, when it is due, until the end.
    void work_at_rate();
    void submit_due(std::uint64_t now_ns);
    static void finished_at_rate(request& r) noexcept;
    [[nodiscard]] std::uint64_t& started_at(const request& r) noexcept
    {
        return started_at_[static_cast<std::size_t>(&r - requests_.data())];
    }
    /// Counts of what `r` did, while its command stands in it.
    template <io_kind Kind>
    [[nodiscard]] latency_counts& counts_of(
        const counts_by_operation& all, const request& r) noexcept
    {
        return *all[static_cast<std::size_t>(
            Kind == io_kind::any ? operation_of(r.cmd) : operation::read)];
    }

    // Read and written for every completion.
    io_source source_;
    std::atomic<bool> stopping_{false};
    std::optional<ring> ring_;
    std::vector<request> requests_;
    std::vector<std::uint64_t> started_at_; ///< in ticks, by the index of the request
    counts_by_operation latencies_; ///< of those that it does; none where nothing is timed

    completion_function on_complete_ = nullptr; ///< from the second completion on
    first_reads first_;

    // At a rate only.
    std::optional<pace> pace_;
    std::vector<request*> idle_; ///< not in flight
    std::vector<std::uint64_t> due_at_; ///< in nanoseconds, by the index of the request
    counts_by_operation service_latencies_;

    setting from_;
    std::exception_ptr failure_;
    std::atomic<std::uint64_t> error_total_{0};
    std::vector<error_count> errors_;
    bool in_huge_pages_ = false;
    std::thread thread_;
};

} // namespace ngpoll::cli
