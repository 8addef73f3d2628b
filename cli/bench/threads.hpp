// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <latch>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "group_load.hpp"
#include "result.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// The threads of a run. The main thread makes them, looks at their figures and stops them.
///
/// All threads are made before the first one is set up. All threads are set up before the first one
/// does I/O. If one of them cannot be made, the others end without having touched anything.
class bench_threads {
public:
    explicit bench_threads(std::uint32_t count);
    ~bench_threads();
    bench_threads(const bench_threads&) = delete;
    bench_threads& operator=(const bench_threads&) = delete;

    /// Makes the threads of `run`, which must outlive this. Returns when all of them do I/O. If a
    /// thread cannot be made or set up, ends all threads and throws that thread's exception.
    void start(const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues);

    using clock = std::chrono::system_clock; ///< GCC 12's TSan knows no waits on steady_clock

    /// Ends the submissions. I/Os in flight go on.
    void begin_stop() noexcept;
    /// Call it after begin_stop(). Waits until no thread has I/Os in flight, at most until
    /// `deadline`. True: all threads have ended.
    [[nodiscard]] bool wait_ended(clock::time_point deadline);
    /// Ends the submissions, and waits for all threads without a limit.
    void stop() noexcept;
    /// Whether all threads have ended. Without begin_stop() they end when their blocks are done.
    [[nodiscard]] bool have_ended();
    /// A descriptor that is readable once all threads have ended.
    [[nodiscard]] int ended_event() const noexcept { return ended_event_; }

    /// The workers, in the order of their indices. Call it after start().
    [[nodiscard]] std::span<const std::unique_ptr<bench_worker>> workers() const noexcept
    {
        return workers_;
    }
    /// The counts of polling inside submit() of a group; zeros without a group.
    [[nodiscard]] ring_stats submit_stats() const noexcept
    {
        return load_ ? load_->group().submit_stats() : ring_stats{};
    }

private:
    void make_all(const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues);

    void note_end();

    const std::uint32_t count_;
    const int ended_event_;
    std::atomic<bool> given_up_{false};
    std::latch all_made_{1}; ///< counted down by the main thread, also when it gives up
    std::latch ready_; ///< counted down by each thread, and by the main thread
    std::mutex mutex_;
    std::condition_variable one_ended_;
    std::uint32_t ended_ = 0; ///< threads that have nothing in flight any more
    std::unique_ptr<group_load> load_; ///< null without a group
    std::vector<std::unique_ptr<bench_worker>> workers_; ///< last: they use the members above
};

} // namespace ngpoll::cli
