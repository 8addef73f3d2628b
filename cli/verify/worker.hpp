// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "finding.hpp"
#include "slice_order.hpp"
#include "stamp.hpp"
#include "state_file.hpp"

namespace ngpoll::cli {

/// A pass of writes over the range, or of reads, as all its threads share it.
struct verify_phase {
    const namespace_info& device;
    const verified_range& range;
    std::uint32_t generation = 0; ///< that is written; 0: it reads
    bool is_state_known = true; ///< else whatever an intact stamp says is right
    bool fua = false;
    bool random = true;
    std::uint32_t threads = 1;
    std::uint32_t depth = 1; ///< of each thread
    written_state& state; ///< each thread touches its own positions only
    state_file* file = nullptr; ///< where acknowledged writes go first; or nowhere
    findings& found;

    [[nodiscard]] bool writes() const noexcept { return generation != 0; }
};

/// One thread of a phase: a ring kept full over its part of the range.
class verify_worker {
public:
    struct setting {
        verify_phase& phase;
        poll_queue& queue;
        std::uint32_t index = 0;
        std::span<const std::uint32_t> cpus; ///< to keep to; empty: any
        std::function<void()> ended; ///< called last
    };

    explicit verify_worker(const setting& from);
    verify_worker(const verify_worker&) = delete;
    verify_worker& operator=(const verify_worker&) = delete;
    ~verify_worker();

    /// Any thread: no further I/O is sent.
    void stop() noexcept
    {
        stop_.store(true, std::memory_order_relaxed);
    } // relaxed: seen some time
    /// Any thread: acknowledged writes, or blocks that were read.
    [[nodiscard]] std::uint64_t done() const noexcept
    {
        return done_.load(std::memory_order_relaxed); // relaxed: a statistic
    }
    /// Any thread: it could not go on, and has ended or soon will.
    [[nodiscard]] bool is_failed() const noexcept
    {
        return is_failed_.load(std::memory_order_relaxed); // relaxed: the others end some time
    }
    void join();

    /// After join(): why the thread could not go on.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// After join(): logical blocks without a stamp, where none has to be.
    [[nodiscard]] std::uint64_t bare() const noexcept { return bare_; }
    /// After join(): reads with anything found.
    [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }

private:
    void run() noexcept;
    void go_over_slice();
    /// Sends the next I/O with `r`, if there is one.
    void send_next(request& r);
    void stamp_buffer(std::byte* data, std::uint64_t lba) const noexcept;
    void note_write(const request& r);
    void note_read(const request& r);
    void acknowledge();
    void count_done(std::uint64_t more) noexcept;
    [[nodiscard]] std::uint64_t lba_of(std::uint64_t position) const noexcept
    {
        return phase_.range.first_lba + position * blocks_per_io_;
    }
    [[nodiscard]] std::uint64_t position_of(std::uint64_t lba) const noexcept
    {
        return (lba - phase_.range.first_lba) / blocks_per_io_;
    }

    static void finished(request& r) noexcept;

    setting from_;
    verify_phase& phase_;
    const std::uint32_t blocks_per_io_;
    const stamper stamper_;
    slice_order order_;
    ring* ring_ = nullptr;
    std::vector<acknowledged_write> completed_; ///< by the drive, and not in the file yet
    std::uint64_t bare_ = 0;
    std::uint64_t wrong_ = 0;
    std::exception_ptr failed_in_callback_;
    std::exception_ptr failure_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> stop_{false};
    std::atomic<bool> is_failed_{false};
    std::thread thread_;
};

} // namespace ngpoll::cli
