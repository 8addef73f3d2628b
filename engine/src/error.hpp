// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ngpoll::detail {

/// A set-up error with a complete text. std::system_error alone would add the errno's text to the
/// end of a sentence that has it already.
class set_up_error : public std::system_error {
public:
    set_up_error(int errno_value, const std::string& text)
        : std::system_error(errno_value, std::system_category(), text)
        , text_(text)
    {
    }
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_; ///< holds a text that may be copied with the exception
};

/// "No such file or directory, errno 2".
[[nodiscard]] inline std::string errno_text(int errno_value)
{
    return std::system_category().message(errno_value) + ", errno " + std::to_string(errno_value);
}

/// Throws because the operating system refused with `errno_value`. `text` is one sentence that says
/// what to do; the errno follows in brackets.
[[noreturn]] inline void fail(int errno_value, const std::string& text)
{
    throw set_up_error(errno_value, text + " (" + errno_text(errno_value) + ")");
}

/// Throws because an argument is wrong: `text` says what is wrong and what to give. It ends without
/// "Invalid argument", which would add nothing.
[[noreturn]] inline void refuse(const std::string& text) { throw set_up_error(EINVAL, text); }

/// Prints one line and aborts, because the engine cannot go on. For two cases only: a caller's
/// mistake, and completions that are lost for good. Allocates nothing.
[[noreturn, gnu::cold]] void stop(const char* text) noexcept;

} // namespace ngpoll::detail
