// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "../text_output.hpp"
#include "result.hpp"

namespace ngpoll::cli {

/// What the live block shows of a run.
struct live_state {
    double elapsed_seconds = 0; ///< since the figures, or the warm-up, began
    double limit_seconds = 0; ///< when that ends; 0: with a signal
    bool warming_up = false;
    std::uint32_t block_bytes = 0;
    const bench_interval* last = nullptr; ///< of all threads together; null: no second is over yet
    std::span<const bench_interval> threads{}; ///< the same second, each thread's
};

struct terminal_size {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

/// The lines of the block. None is wider than the terminal, and they take half of its rows at most.
[[nodiscard]] std::vector<std::string> live_lines(const live_state& now, terminal_size fits);

/// Lines at the bottom of a terminal that are drawn over again. Used by one thread.
class live_block {
public:
    /// Whether `to` is a terminal on which lines can be drawn over.
    [[nodiscard]] static bool suits(std::FILE* to);

    /// `to` writes to the terminal `terminal`.
    live_block(text_output& to, std::FILE* terminal);
    /// Clears.
    ~live_block() { clear(); }
    live_block(const live_block&) = delete;
    live_block& operator=(const live_block&) = delete;

    /// Draws over what it drew before. Asks for the terminal's size each time.
    void show(const live_state& now);
    /// Takes the block away, so that lines can be printed.
    void clear();

private:
    /// To the first line of what is there, which a narrower terminal has broken anew.
    [[nodiscard]] std::string to_first_line(std::size_t columns) const;

    text_output& to_;
    const int descriptor_;
    const bool coloured_;
    std::vector<std::size_t> drawn_columns_; ///< of each line that is there
};

} // namespace ngpoll::cli
