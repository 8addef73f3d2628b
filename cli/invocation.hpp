// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

namespace ngpoll::cli {

/// The words as one line. A shell splits the line into the same words again.
[[nodiscard]] std::string shell_text(std::span<const char* const> words);

/// Keeps the command line, because results name it. Call it once, before anything else.
void record_invocation(int argc, char** argv);
/// The kept command line, as shell_text() writes it; empty before record_invocation().
[[nodiscard]] const std::string& invocation() noexcept;

} // namespace ngpoll::cli
