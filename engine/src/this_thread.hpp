// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "process.hpp"

namespace ngpoll::detail {

/// The calling thread, as long as it runs, in this process.
inline std::uintptr_t this_caller() noexcept
{
    std::uintptr_t thread = 0;
#if defined(__x86_64__)
    asm("mov %%fs:0, %0" : "=r"(thread)); // the psABI's thread pointer
#else
    thread = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#endif
    // A forked child has the thread pointers of its parent's threads.
    return thread + process_generation;
}

/// Inside poll() or wait() of a ring on a shared queue: the thread may have the poller's role.
bool is_in_shared_queue() noexcept;

} // namespace ngpoll::detail
