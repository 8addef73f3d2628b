// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "result.hpp"

namespace ngpoll::cli {

/// A command line for a reader who wants to compare, behind "the same with fio: ". It is of fio's
/// t/io_uring where that can do the same: it reads from whole drives, and nothing else. It is of
/// fio itself elsewhere, and says so where that takes a newer fio than 3.33. fio has no emulated
/// drives: there the line names /dev/ngXnY.
[[nodiscard]] std::string equivalent_text(const bench_result& planned);

} // namespace ngpoll::cli
