// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// The command's exit status, for scripts.
enum exit_status : int {
    kExitSuccess = 0,
    kExitFailed = 1, ///< the command ran, and something failed: I/O, a later part, or an output
    kExitRefused = 2, ///< the command did not run
};

} // namespace ngpoll::cli
