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

/// The state of a run that the live block shows.
struct live_state {
    double elapsed_seconds = 0; ///< since the figures, or the warm-up, began
    double limit_seconds = 0; ///< when the figures, or the warm-up, end; 0: with a signal
    bool warming_up = false;
    std::uint32_t block_bytes = 0;
    const bench_interval* last = nullptr; ///< the last second of all threads; null: none is over
    std::span<const bench_interval> threads{}; ///< the last second of each thread
};

struct terminal_size {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

/// The lines of the block. None is wider than the terminal, and they take half of its rows at most.
[[nodiscard]] std::vector<std::string> live_lines(const live_state& now, terminal_size fits);

/// Lines at the bottom of a terminal; each show() overwrites them. Used by one thread.
class live_block {
public:
    /// Whether `to` is a terminal on which lines can be overwritten.
    [[nodiscard]] static bool suits(std::FILE* to);

    /// `to` writes to the terminal `terminal`.
    live_block(text_output& to, std::FILE* terminal);
    /// Clears the block.
    ~live_block() { clear(); }
    live_block(const live_block&) = delete;
    live_block& operator=(const live_block&) = delete;

    /// Draws the block, and overwrites the one before. Asks for the terminal's size each time.
    void show(const live_state& now);
    /// Removes the block, so that other lines can be printed.
    void clear();

private:
    /// The text that moves to the block's first line. A terminal that became narrower has broken
    /// the lines of the block into more rows.
    [[nodiscard]] std::string to_first_line(std::size_t columns) const;

    text_output& to_;
    const int descriptor_;
    const bool coloured_;
    std::vector<std::size_t> drawn_columns_; ///< the width of each line of the block
};

} // namespace ngpoll::cli
