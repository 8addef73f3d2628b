// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "result.hpp"

namespace ngpoll::cli {

/// The line that begins "the same with fio: ", and a command line for a reader who wants to
/// compare. t/io_uring reads from whole drives and nothing else: where that is enough the line is
/// its own. Elsewhere it is fio's. Where that takes a newer fio than 3.33, the line says which. fio
/// has no emulated drives: there the line names /dev/ngXnY.
[[nodiscard]] std::string equivalent_text(const bench_result& planned);

} // namespace ngpoll::cli
