// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// Call first in main(): from here on, a file that is opened is never taken for standard output,
/// and a write that fails says so and does not end the process. Throws std::system_error.
void prepare_standard_streams();

} // namespace ngpoll::cli
