// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace ngpoll::cli {

/// A subcommand. The function `add_...(CLI::App&)` in its folder makes it.
struct subcommand {
    CLI::App* parser; ///< the application owns it
    /// Called once, after the command line was read. Returns the exit status. If the subcommand
    /// cannot start, it throws std::exception with one line that says what to do.
    std::function<int()> run;
};

} // namespace ngpoll::cli
