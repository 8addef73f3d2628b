// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace ngpoll::cli {

/// One line without a newline: what is wrong, and what to do. Two errors bring no such text of
/// their own, and get one here: too little memory, and a thread that cannot be made.
[[nodiscard]] std::string error_text(const std::exception& error);

/// Prints "ngpoll: TEXT" on standard error. Does not throw: there is no other place for an error.
void print_error(std::string_view text) noexcept;
void print_error(const std::exception& error) noexcept;
/// Prints "ngpoll: note: TEXT" on standard error, for a fact that may surprise but is no error.
void print_note(std::string_view text) noexcept;

} // namespace ngpoll::cli
