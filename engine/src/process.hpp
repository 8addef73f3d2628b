// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

namespace ngpoll::detail {

/// 0 in the process that first asked, another number in each forked child. An object made under
/// another number belongs to a parent: a forked child touches nothing of it, and its destructor
/// does nothing. The variable is not atomic: a fork happens between two instructions of the one
/// thread that the child has.
extern unsigned process_generation;

[[nodiscard]] inline bool is_inherited(unsigned made_under) noexcept
{
    return made_under != process_generation;
}

/// Guards the objects that the engine keeps once for the whole process. A fork takes it first, so
/// the child finds it free and the objects whole.
[[nodiscard]] std::mutex& process_mutex() noexcept;

/// Throws std::bad_alloc if the handlers for a fork could not be registered when the program
/// started. Without them a forked child would keep its parent's descriptors.
void require_fork_handlers();

/// Call it with process_mutex() held. `fd` belongs to the engine from now on. A forked child closes
/// it before it runs anything else. Throws std::bad_alloc.
void close_in_forked_child(int fd);
/// Call it with process_mutex() held. The caller closes `fd` now, before it releases the mutex.
void drop_descriptor(int fd) noexcept;

} // namespace ngpoll::detail
