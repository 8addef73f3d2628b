// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// What the command's exit status says to a script.
enum exit_status : int {
    kExitSuccess = 0,
    kExitIoErrors = 1, ///< it ran, and some commands failed
    kExitBadInput = 2, ///< it did not run
};

} // namespace ngpoll::cli
