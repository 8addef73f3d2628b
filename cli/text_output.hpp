// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace ngpoll::cli {

/// Writes the command's text. Each print() writes at once, so that a full disk or a reader that
/// left is noticed when it happens. The first failure is kept; the command reports it at the end.
/// Used by one thread.
class text_output {
public:
    explicit text_output(std::FILE* to) noexcept
        : to_(to)
    {
    }

    /// After a failure it prints nothing more, so that no line is missing between two others.
    void print(std::string_view text) noexcept;

    [[nodiscard]] bool failed() const noexcept { return errno_value_ != 0; }
    /// The text of the failure, for print_error().
    [[nodiscard]] std::string failure_text() const;

private:
    std::FILE* const to_;
    int errno_value_ = 0; ///< of the first write that failed
};

} // namespace ngpoll::cli
