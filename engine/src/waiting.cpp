// SPDX-License-Identifier: MIT
#include "waiting.hpp"

#include <cerrno>
#include <ctime>

#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ngpoll::detail {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
    const std::chrono::steady_clock::time_point* until) noexcept
{
    timespec limit{};
    if (until != nullptr) {
        // Absolute, of CLOCK_MONOTONIC, which steady_clock is.
        const auto ns
            = std::chrono::duration_cast<std::chrono::nanoseconds>(until->time_since_epoch())
                  .count();
        limit = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    }
    ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
        until == nullptr ? nullptr : &limit, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept
{
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void write_event(int fd) noexcept { static_cast<void>(::eventfd_write(fd, 1)); }

void wait_for_event(int fd) noexcept
{
    eventfd_t count = 0;
    while (::eventfd_read(fd, &count) != 0 && errno == EINTR) { }
}

void yield() noexcept { ::sched_yield(); }

} // namespace ngpoll::detail
