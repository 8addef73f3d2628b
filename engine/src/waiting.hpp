// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "clock.hpp"

/// Ways for threads to wait for each other: by looking, by a futex, by an eventfd.
namespace ngpoll::detail {

/// Sleeps while `word` is `expected`, to `until` at the latest (null: no limit). It may return at
/// any time, after a signal or a change of the word.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
    const std::chrono::steady_clock::time_point* until) noexcept;
void futex_wake(std::atomic<std::uint32_t>& word) noexcept;

/// Writes to an eventfd. A full eventfd is as good: the event loop has not read it yet.
void write_event(int fd) noexcept;
/// Sleeps until somebody has written to it.
void wait_for_event(int fd) noexcept;

/// Lets another thread have this processor, if one waits for it.
void yield() noexcept;

/// Calls `seen` for up to `time` until it is true, without leaving the processor.
template <class Seen>
bool look_for(std::chrono::nanoseconds time, Seen seen) noexcept
{
    const auto until = std::chrono::steady_clock::now() + time;
    do {
        for (int look = 0; look < 16; ++look) {
            if (seen())
                return true;
            relax();
        }
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

} // namespace ngpoll::detail
