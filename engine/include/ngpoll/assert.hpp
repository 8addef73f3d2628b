// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::detail {

/// Prints one line with the expression, its place and `hint`, then aborts. For bugs of the caller
/// or of the engine; bad input is reported by exceptions and values instead.
[[noreturn]] void assertion_failed(
    const char* expression, const char* hint, const char* file, int line) noexcept;

} // namespace ngpoll::detail

/// On in every build: set-up, teardown and once-per-batch paths. `hint` says what to do about it.
#define NGPOLL_ASSERT(expression, hint)                                                            \
    (static_cast<bool>(expression)                                                                 \
            ? static_cast<void>(0)                                                                 \
            : ::ngpoll::detail::assertion_failed(#expression, hint, __FILE__, __LINE__))

/// Only without NDEBUG: paths that run once per I/O.
#ifdef NDEBUG
#define NGPOLL_DEBUG_ASSERT(expression, hint) static_cast<void>(0)
#else
#define NGPOLL_DEBUG_ASSERT(expression, hint) NGPOLL_ASSERT(expression, hint)
#endif
