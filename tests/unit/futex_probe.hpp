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

// Watches the futex calls of the engine. For one source file of a program: it defines syscall().

namespace {

/// What the thread that sleeps knows about its ring: enough to tell a lost wake-up from a sleep
/// that ran out of time for want of completions.
struct sleeper {
    std::atomic<std::uint64_t> handed{0}; ///< completions whose finish() has returned, anywhere
    std::uint64_t finished = 0; ///< by the owner's callbacks
    std::uint64_t awaited = 0; ///< `finished` at which the wait that is under way ends
};

thread_local sleeper* here = nullptr;
thread_local std::uint32_t jitter = 0; ///< xorshift state; 0: the hook delays nothing

std::atomic<std::uint64_t> sleeps{0}, time_outs{0}, interrupted{0}, wakes{0}, lost_wakes{0};

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

/// Lets others in where two steps of the engine should not be taken for one.
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

/// The engine's futex calls come through here, before libc's own.
extern "C" long syscall(long number, ...) noexcept // NOLINT
{
    static const auto libc = reinterpret_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
    std::va_list list;
    va_start(list, number);
    std::array<long, 6> a{};
    for (long& each : a)
        each = va_arg(list, long);
    va_end(list);
    const bool ours = number == SYS_futex && here != nullptr;
    const int operation = static_cast<int>(a[1]);
    if (ours && operation == FUTEX_WAKE_PRIVATE) {
        bump(wakes);
        stagger();
    }
    if (ours && operation == FUTEX_WAIT_PRIVATE) {
        bump(sleeps);
        stagger();
    }
    const long done = libc(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (ours && operation == FUTEX_WAIT_PRIVATE) {
        const int error = errno;
        if (done != 0 && error == ETIMEDOUT) {
            bump(time_outs);
            // All that is awaited was handed over, wake included, and nobody cleared the word.
            const std::uint64_t handed = here->handed.load(std::memory_order_acquire);
            const auto& word = *reinterpret_cast<std::atomic<std::uint32_t>*>(a[0]);
            if (here->awaited > here->finished && handed >= here->awaited
                && word.load(std::memory_order_seq_cst) == static_cast<std::uint32_t>(a[2]))
                bump(lost_wakes);
        }
        if (done != 0 && error == EINTR)
            bump(interrupted);
        stagger();
        errno = error;
    }
    return done;
}
