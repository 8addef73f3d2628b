// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace ngpoll::cli {

/// What is wrong and what to do, without a line's end. Also for errors whose own text says neither:
/// memory that was not there, and a thread that was not.
[[nodiscard]] std::string error_text(const std::exception& error);

/// Prints "ngpoll: TEXT" on standard error. Does not throw: nobody is left to tell when that fails.
void print_error(std::string_view text) noexcept;
void print_error(const std::exception& error) noexcept;
/// Prints "ngpoll: note: TEXT" there: something the user may not expect, and no error.
void print_note(std::string_view text) noexcept;

} // namespace ngpoll::cli
