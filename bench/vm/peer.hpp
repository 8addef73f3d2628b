// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <liburing.h>
#include <linux/nvme_ioctl.h>

#include <ngpoll/nvme_namespace.hpp>

#include "bench/random_position.hpp"

// The common parts of the programs with which ngpoll is compared: arguments, reads and output. Each
// program shares the poll queue in its own way, and uses liburing alone for that.

namespace peer {

constexpr unsigned kBatch = 32; ///< reads that a thread submits, and waits for, at a time
constexpr std::size_t kBufferStride = 4096;
constexpr std::size_t kReadBytes = 512;

/// Ends the program: a peer cannot go on after a failure. Uses _Exit, because other threads may
/// still be in the kernel.
[[noreturn]] inline void fail(const char* what, int errno_value)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno_value));
    std::_Exit(1);
}

inline void check(const char* what, int result)
{
    if (result < 0)
        fail(what, -result);
}

struct arguments {
    unsigned threads = 0;
    unsigned depth = 0; ///< of each thread
    unsigned seconds = 0;
    const char* device = nullptr;
};

/// Random reads to `depth` buffers of 512 bytes, each in a page of its own. Read `slot` uses buffer
/// `slot`, and its completion carries that number.
class random_reads {
public:
    random_reads(const char* device, unsigned depth)
        : file_(::open(device, O_RDONLY | O_CLOEXEC))
        , memory_(static_cast<char*>(std::aligned_alloc(kBufferStride, depth * kBufferStride)))
    {
        if (file_ < 0 || memory_ == nullptr)
            fail(device, errno);
        const auto drive = ngpoll::nvme_namespace::open(device);
        nsid_ = drive.info().nsid;
        blocks_per_read_ = kReadBytes / drive.info().block_bytes();
        positions_ = drive.info().capacity_blocks / blocks_per_read_;
        for (unsigned slot = 0; slot < depth; ++slot)
            regions_.push_back({.iov_base = memory_ + slot * kBufferStride, .iov_len = kReadBytes});
    }
    random_reads(const random_reads&) = delete;
    random_reads& operator=(const random_reads&) = delete;
    ~random_reads()
    {
        ::close(file_);
        std::free(memory_);
    }

    /// Positions for one thread.
    [[nodiscard]] ngpoll::cli::random_position positions() const
    {
        return {std::random_device{}(), positions_};
    }

    void register_with(io_uring& ring) const
    {
        check("register the file", io_uring_register_files(&ring, &file_, 1));
        check("register the buffers",
            io_uring_register_buffers(
                &ring, regions_.data(), static_cast<unsigned>(regions_.size())));
    }

    void prepare(io_uring_sqe* sqe, unsigned slot, std::uint64_t position) const noexcept
    {
        std::memset(sqe, 0, 2 * sizeof *sqe); // IORING_SETUP_SQE128
        sqe->opcode = IORING_OP_URING_CMD;
        sqe->flags = IOSQE_FIXED_FILE;
        sqe->cmd_op = NVME_URING_CMD_IO;
        sqe->rw_flags = IORING_URING_CMD_FIXED;
        sqe->buf_index = static_cast<std::uint16_t>(slot);
        sqe->user_data = slot;
        auto* command = reinterpret_cast<nvme_uring_cmd*>(sqe->cmd);
        const std::uint64_t slba = position * blocks_per_read_;
        command->opcode = 0x02; // read
        command->nsid = nsid_;
        command->addr = reinterpret_cast<std::uintptr_t>(regions_[slot].iov_base);
        command->data_len = kReadBytes;
        command->cdw10 = static_cast<std::uint32_t>(slba);
        command->cdw11 = static_cast<std::uint32_t>(slba >> 32U);
        command->cdw12 = blocks_per_read_ - 1;
    }

private:
    int file_;
    char* memory_;
    std::uint32_t nsid_ = 0;
    std::uint32_t blocks_per_read_ = 1;
    std::uint64_t positions_ = 0;
    std::vector<iovec> regions_;
};

/// The number of a thread's reads. The thread writes it; the main thread reads it once a second.
struct alignas(64) progress {
    std::atomic<std::uint64_t> reads{0};

    void add(std::uint64_t some) noexcept
    {
        // relaxed: a statistic, with a single writer.
        reads.store(reads.load(std::memory_order_relaxed) + some, std::memory_order_relaxed);
    }
};

/// The word by which the main thread asks all threads to stop.
class stop_word {
public:
    void set() noexcept { stop_.store(true, std::memory_order_relaxed); } // relaxed: as in is_set()
    // relaxed: it publishes nothing else.
    [[nodiscard]] bool is_set() const noexcept { return stop_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> stop_{false};
};

/// Runs `work(thread, progress, stop)` on each thread. Prints the IOPS of each second, of all
/// threads and of each thread, in the format of `ngpoll bench`.
template <class Work>
int measure(const arguments& given, Work work)
{
    using clock = std::chrono::steady_clock;
    const auto rate = [](std::uint64_t reads, clock::duration time) {
        return static_cast<double>(reads) / std::chrono::duration<double>(time).count();
    };
    std::deque<progress> done(given.threads);
    stop_word stop;
    std::vector<std::thread> threads;
    const auto start = clock::now();
    for (unsigned i = 0; i < given.threads; ++i)
        threads.emplace_back([&, i] { work(i, done[i], stop); });

    std::uint64_t before = 0;
    auto last = start;
    const auto print_second = [&] {
        std::uint64_t all = 0;
        for (const progress& one : done)
            all += one.reads.load(std::memory_order_relaxed); // relaxed: a statistic
        const auto now = clock::now();
        std::printf("IOPS=%.0f\n", rate(all - before, now - last));
        std::fflush(stdout);
        before = all;
        last = now;
    };
    for (unsigned second = 1; second <= given.seconds; ++second) {
        std::this_thread::sleep_until(start + std::chrono::seconds(second));
        print_second();
    }
    const auto took = last - start;
    std::printf("%llu reads in %.2f s: IOPS=%.0f\n", static_cast<unsigned long long>(before),
        std::chrono::duration<double>(took).count(), rate(before, took));
    for (unsigned i = 0; i < given.threads; ++i)
        std::printf("thread %u: IOPS=%.0f\n", i,
            rate(done[i].reads.load(std::memory_order_relaxed), took)); // relaxed: a statistic
    std::fflush(stdout);
    stop.set();
    for (std::thread& thread : threads)
        thread.join();
    return 0;
}

inline arguments parse(int count, char** words)
{
    const auto number
        = [&](int i) { return static_cast<unsigned>(std::strtoul(words[i], nullptr, 10)); };
    if (count == 5 && number(1) > 0 && number(2) > 0 && number(3) > 0)
        return {.threads = number(1), .depth = number(2), .seconds = number(3), .device = words[4]};
    std::fprintf(stderr, "usage: %s THREADS DEPTH SECONDS DEVICE\n", words[0]);
    std::exit(2);
}

} // namespace peer
