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
        abandoned, ///< it did not end even when it was killed
    };

    ending ended_as = ending::missing;
    int code = 0;
    bool overdue = false; ///< it had to be told to end
    std::string out{}; ///< what it printed
    std::string err{};
};

/// How long a child may take, and what happens to it afterwards.
struct child_limits {
    std::chrono::milliseconds time; ///< after this time the child gets SIGINT
    /// Whether SIGKILL follows. False for a child that may crash the kernel when it dies with
    /// commands in flight: run_child() waits for this child.
    bool may_kill = false;
};

/// Runs the command `words`, and waits for its end. The first word is the program, which is looked
/// for in PATH. A signal to this process is passed on as SIGINT, once. Throws std::system_error if
/// no process can be made.
[[nodiscard]] child_result run_child(
    const std::vector<std::string>& words, const child_limits& limits, const stop_signals& signals);

} // namespace ngpoll::cli
