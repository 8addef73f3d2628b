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

/// A pass of writes or of reads over the range. All its threads share this object.
struct verify_phase {
    const namespace_info& device;
    const verified_range& range;
    std::uint32_t generation = 0; ///< the generation to write; 0: the phase reads
    bool is_state_known = true; ///< false: any intact stamp is right
    bool fua = false;
    bool random = true;
    std::uint32_t threads = 1;
    std::uint32_t depth = 1; ///< of each thread
    written_state& state; ///< each thread touches its own positions only
    state_file* file = nullptr; ///< gets a record of a write before the write counts; nullptr: none
    findings& found;

    [[nodiscard]] bool writes() const noexcept { return generation != 0; }
};

/// One thread of a phase. It keeps a ring full over its part of the range.
class verify_worker {
public:
    struct setting {
        verify_phase& phase;
        poll_queue& queue;
        std::uint32_t index = 0;
        std::span<const std::uint32_t> cpus; ///< where the thread runs; empty: anywhere
        std::function<void()> ended; ///< called last of all
    };

    explicit verify_worker(const setting& from);
    verify_worker(const verify_worker&) = delete;
    verify_worker& operator=(const verify_worker&) = delete;
    ~verify_worker();

    /// Any thread. No further I/O is sent.
    void stop() noexcept
    {
        stop_.store(true, std::memory_order_relaxed); // relaxed: it may be seen late
    }
    /// Any thread. Acknowledged writes, or reads.
    [[nodiscard]] std::uint64_t done() const noexcept
    {
        return done_.load(std::memory_order_relaxed); // relaxed: a statistic
    }
    /// Any thread. True: the worker could not go on, and has ended or will end soon.
    [[nodiscard]] bool is_failed() const noexcept
    {
        return is_failed_.load(std::memory_order_relaxed); // relaxed: the others may stop late
    }
    void join();

    /// After join(): why the thread could not go on.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    /// After join(): logical blocks without a stamp that need none.
    [[nodiscard]] std::uint64_t unstamped() const noexcept { return unstamped_; }
    /// After join(): reads with a finding.
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
    std::vector<acknowledged_write> completed_; ///< the drive has them, the file does not yet
    std::uint64_t unstamped_ = 0;
    std::uint64_t wrong_ = 0;
    std::exception_ptr failed_in_callback_;
    std::exception_ptr failure_;
    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> stop_{false};
    std::atomic<bool> is_failed_{false};
    std::thread thread_;
};

} // namespace ngpoll::cli
