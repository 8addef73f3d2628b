// SPDX-License-Identifier: MIT
#include "text_output.hpp"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace ngpoll::cli {

void text_output::print(std::string_view text) noexcept
{
    if (failed())
        return;
    const bool written = std::fwrite(text.data(), 1, text.size(), to_) == text.size();
    if (!written || std::fflush(to_) != 0)
        errno_value_ = errno != 0 ? errno : EIO;
}

std::string text_output::failure_text() const
{
    return fmt::format(
        "{} cannot be written; use a file on a disk with free space, or a reader that reads to the "
        "end ({}, errno {})",
        to_ == stderr ? "standard error" : "standard output",
        std::system_category().message(errno_value_), errno_value_);
}

} // namespace ngpoll::cli
