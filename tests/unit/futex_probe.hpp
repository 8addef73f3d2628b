// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <thread>

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

// Watches the futex calls of the engine. Include it in one source file of a program only, because
// it defines syscall().

namespace {

thread_local bool watched = false; ///< true: the calls of this thread count
thread_local std::uint32_t jitter = 0; ///< xorshift state; 0: the hook delays nothing

/// `timed` counts sleeps with a timeout; a wait without a deadline must never make such a sleep.
std::atomic<std::uint64_t> sleeps{0}, timed{0}, interrupted{0}, wakes{0};

/// Runs on a watched thread just before it wakes another.
std::atomic<void (*)()> before_wake{nullptr};

void bump(std::atomic<std::uint64_t>& counter) noexcept
{
    counter.fetch_add(1, std::memory_order_relaxed); // relaxed: statistics
}

std::uint32_t next_jitter() noexcept
{
    jitter ^= jitter << 13U;
    jitter ^= jitter >> 17U;
    return jitter ^= jitter << 5U;
}

/// Delays the thread so that other threads may run between two steps of the engine.
void stagger() noexcept
{
    if (jitter == 0)
        return;
    const std::uint32_t dice = next_jitter() % 64;
    if (dice < 8)
        std::this_thread::yield();
    else if (dice == 8)
        ::usleep(next_jitter() % 300);
}

} // namespace

/// The engine's futex calls reach this function instead of libc's.
extern "C" long syscall(long number, ...) noexcept // NOLINT
{
    static const auto libc = reinterpret_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
    std::va_list list;
    va_start(list, number);
    std::array<long, 6> a{};
    for (long& each : a)
        each = va_arg(list, long);
    va_end(list);
    const bool ours = number == SYS_futex && watched;
    const int operation = static_cast<int>(a[1]);
    const bool is_sleep = ours && operation == FUTEX_WAIT_BITSET_PRIVATE;
    if (ours && operation == FUTEX_WAKE_PRIVATE) {
        bump(wakes);
        if (void (*const hook)() = before_wake.load())
            hook();
        stagger();
    }
    if (is_sleep) {
        bump(sleeps);
        if (a[3] != 0)
            bump(timed);
        stagger();
    }
    const long done = libc(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (is_sleep) {
        const int error = errno;
        if (done != 0 && error == EINTR)
            bump(interrupted);
        stagger();
        errno = error;
    }
    return done;
}
