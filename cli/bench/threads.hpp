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
/// All threads are made before the first is set up, and set up before the first one reads. When
/// one cannot be made, the others have touched nothing and end; none of them waits for it.
class bench_threads {
public:
    explicit bench_threads(std::uint32_t count);
    ~bench_threads();
    bench_threads(const bench_threads&) = delete;
    bench_threads& operator=(const bench_threads&) = delete;

    /// Makes the threads of `run`, which must outlive this, and returns when all of them read.
    /// Throws why one of them could not be made or set up; by then they have all ended.
    void start(const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues);

    using clock = std::chrono::system_clock; ///< GCC 12's ThreadSanitizer does not know the other

    /// Ends the submissions. What is in flight goes on.
    void begin_stop() noexcept;
    /// After begin_stop(): waits until each thread has finished what it had in flight, at most
    /// until `deadline`. True: all have.
    [[nodiscard]] bool wait_ended(clock::time_point deadline);
    /// Both, however long it takes.
    void stop() noexcept;
    /// Whether all threads have ended, also without begin_stop(): their blocks are done.
    [[nodiscard]] bool have_ended();
    /// A descriptor that is readable from then on.
    [[nodiscard]] int ended_event() const noexcept { return ended_event_; }

    /// In the order of their indices; after start().
    [[nodiscard]] std::span<const std::unique_ptr<bench_worker>> workers() const noexcept
    {
        return workers_;
    }
    /// What threads did inside the submits of a group; nothing without one.
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
    std::unique_ptr<group_load> load_; ///< of a group's workers; else none
    std::vector<std::unique_ptr<bench_worker>> workers_; ///< last: they use what is above
};

} // namespace ngpoll::cli
