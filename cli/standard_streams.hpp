// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// Call it first in main(). Afterwards no file that is opened is mistaken for standard output. A
/// write that fails returns an error and does not end the process. Throws std::system_error.
void prepare_standard_streams();

} // namespace ngpoll::cli
