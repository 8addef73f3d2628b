// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace ngpoll::cli {

/// One of the command's words. A function `add_...(CLI::App&)` of its folder makes it.
struct subcommand {
    CLI::App* parser; ///< the application owns it
    /// Once, after the command line was read. Returns the exit status; throws std::exception, with
    /// one line that says what to do, where it cannot start.
    std::function<int()> run;
};

} // namespace ngpoll::cli
