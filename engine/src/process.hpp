// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

namespace ngpoll::detail {

/// 0 in the process that first asked, another number in each forked child. What was made under
/// another number is a parent's: a forked child touches nothing of it, and destructors there do
/// nothing. Plain: a fork happens between two instructions of the one thread that the child has.
extern unsigned process_generation;

[[nodiscard]] inline bool is_inherited(unsigned made_under) noexcept
{
    return made_under != process_generation;
}

/// Guards what the engine keeps once for the whole process. A fork takes it first, so that the
/// child finds it free and everything behind it whole.
[[nodiscard]] std::mutex& process_mutex() noexcept;

/// Throws std::bad_alloc where the handlers for a fork could not be registered when the program
/// started. A forked child would then hold its parent's descriptors.
void require_fork_handlers();

/// With process_mutex() held: `fd` is the engine's from now on, and a forked child closes it before
/// it runs anything else. Throws std::bad_alloc.
void close_in_forked_child(int fd);
/// With process_mutex() held: the caller closes `fd` now, before it lets go of the mutex.
void drop_descriptor(int fd) noexcept;

} // namespace ngpoll::detail
