// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ngpoll::detail {

/// Set-up failed for the operating system's reason `errno_value`; `text` says what to do about it.
[[noreturn]] inline void fail(int errno_value, const std::string& text)
{
    throw std::system_error(errno_value, std::system_category(), text);
}

/// What is said of a wrong argument is whole: "Invalid argument" behind it would add nothing.
class invalid_argument : public std::system_error {
public:
    explicit invalid_argument(const std::string& text)
        : std::system_error(EINVAL, std::system_category(), text)
        , text_(text)
    {
    }
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_; ///< holds a text that an exception may be copied with
};

/// Set-up is refused: `text` says what is wrong with the arguments and what to give.
[[noreturn]] inline void refuse(const std::string& text) { throw invalid_argument(text); }

/// The engine cannot go on: prints one line and aborts. For states in which completions would be
/// lost or memory the drive still writes to would be freed.
[[noreturn]] void stop(const std::string& text) noexcept;

} // namespace ngpoll::detail
