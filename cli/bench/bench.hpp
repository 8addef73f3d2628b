// SPDX-License-Identifier: MIT
#pragma once

#include "options.hpp"

namespace ngpoll::cli {

/// `ngpoll bench`: random or sequential reads, counted. Returns the process's exit status; throws
/// std::exception, with one line that says what to do, where it cannot start.
int run_bench(const bench_options& options);

} // namespace ngpoll::cli
