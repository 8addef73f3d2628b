// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// What the command's exit status says to a script.
enum exit_status : int {
    kExitSuccess = 0,
    kExitFailed = 1, ///< it ran, and something failed: reads, a later part, what it had to write
    kExitRefused = 2, ///< it did not run
};

} // namespace ngpoll::cli
