// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <system_error>

namespace ngpoll::detail {

/// Set-up failed for the operating system's reason `errno_value`; `text` says what to do about it.
[[noreturn]] inline void fail(int errno_value, const std::string& text)
{
    throw std::system_error(errno_value, std::system_category(), text);
}

/// The engine cannot go on: prints one line and aborts. For states in which completions would be
/// lost or memory the drive still writes to would be freed.
[[noreturn]] void stop(const std::string& text) noexcept;

} // namespace ngpoll::detail
