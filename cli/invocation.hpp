// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

namespace ngpoll::cli {

/// The words as one line that a shell takes apart into the same words.
[[nodiscard]] std::string shell_text(std::span<const char* const> words);

/// Keeps the command line for results to name. Once, first of all.
void record_invocation(int argc, char** argv);
/// As shell_text() writes it; empty before record_invocation().
[[nodiscard]] const std::string& invocation() noexcept;

} // namespace ngpoll::cli
