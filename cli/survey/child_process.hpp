// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "../stop_signals.hpp"

namespace ngpoll::cli {

/// How a program ended.
struct child_result {
    enum class ending {
        exited, ///< `code` is its exit status
        killed, ///< by the signal `code`
        missing, ///< there is no such program
        abandoned, ///< it did not end, not even when it was killed
    };

    ending ended_as = ending::missing;
    int code = 0;
    bool overdue = false; ///< it had to be told to end
    std::string out{}; ///< what it printed
    std::string err{};
};

/// How long a child may take, and what becomes of it then.
struct child_limits {
    std::chrono::milliseconds time; ///< then it gets SIGINT
    /// Whether SIGKILL follows. Not for a child whose death with commands in flight could crash the
    /// kernel: that one is waited for.
    bool may_kill = false;
};

/// Runs a program with `words` as its arguments, the first of which is looked for as a shell does,
/// and waits for its end. A signal to this process is passed on as SIGINT, once. Throws
/// std::system_error where no process can be made.
[[nodiscard]] child_result run_child(
    const std::vector<std::string>& words, const child_limits& limits, const stop_signals& signals);

} // namespace ngpoll::cli
