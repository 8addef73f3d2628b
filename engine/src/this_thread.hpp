// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "process.hpp"

namespace ngpoll::detail {

/// Identifies the calling thread in this process, as long as it runs.
inline std::uintptr_t this_caller() noexcept
{
    std::uintptr_t thread = 0;
#if defined(__x86_64__)
    asm("mov %%fs:0, %0" : "=r"(thread)); // the psABI's thread pointer
#else
    thread = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#endif
    // A forked child has the same thread pointers as its parent's threads.
    return thread + process_generation;
}

/// Whether this thread is inside poll() or wait() of a ring on a shared queue: it may have the
/// poller's role.
bool is_in_shared_queue() noexcept;

} // namespace ngpoll::detail
