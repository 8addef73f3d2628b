// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "result.hpp"

namespace ngpoll::cli {

/// "the same with fio: " and a command line, for users who compare. The command is t/io_uring if
/// that can do the same: it can only read, from whole drives. Otherwise the command is fio. The
/// text names fio's version if the line needs a newer one than 3.33. The line names /dev/ngXnY in
/// place of an emulated drive, because fio has none.
[[nodiscard]] std::string equivalent_text(const bench_result& planned);

} // namespace ngpoll::cli
