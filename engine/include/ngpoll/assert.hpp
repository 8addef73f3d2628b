// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::detail {

/// Prints one line with the expression, its place and `hint`, then aborts. It is for bugs of the
/// caller or of the engine. Exceptions and values report bad input.
[[noreturn]] void assertion_failed(
    const char* expression, const char* hint, const char* file, int line) noexcept;

} // namespace ngpoll::detail

/// Checked in every build: for set-up, teardown and once-per-batch paths. `hint` says what to do
/// about the bug.
#define NGPOLL_ASSERT(expression, hint)                                                            \
    (static_cast<bool>(expression)                                                                 \
            ? static_cast<void>(0)                                                                 \
            : ::ngpoll::detail::assertion_failed(#expression, hint, __FILE__, __LINE__))

/// Checked only without NDEBUG: for paths that run once per I/O.
#ifdef NDEBUG
#define NGPOLL_DEBUG_ASSERT(expression, hint) static_cast<void>(0)
#else
#define NGPOLL_DEBUG_ASSERT(expression, hint) NGPOLL_ASSERT(expression, hint)
#endif
