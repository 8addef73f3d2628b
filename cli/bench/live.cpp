// SPDX-License-Identifier: MIT
#include "live.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::size_t kColumnsMin = 20;
constexpr const char* kErase = "\033[K"; ///< to the end of the line
constexpr const char* kEraseBelow = "\033[J";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kPlain = "\033[0m";

std::string variable(const char* name)
{
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

terminal_size size_of(int descriptor)
{
    winsize found{};
    terminal_size size;
    if (::ioctl(descriptor, TIOCGWINSZ, &found) == 0) {
        // A terminal that does not know its size says 0.
        size.columns = found.ws_col == 0 ? size.columns : found.ws_col;
        size.rows = found.ws_row == 0 ? size.rows : found.ws_row;
    }
    return size;
}

std::string seconds_text(double seconds)
{
    const auto whole = static_cast<std::uint64_t>(std::max(0.0, std::ceil(seconds - 1e-6)));
    if (whole < 60)
        return fmt::format("{} s", whole);
    if (whole < 3600)
        return fmt::format("{}:{:02} min", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02} h", whole / 3600, whole / 60 % 60, whole % 60);
}

/// "[=====     ]  50%, 5 s left", as wide as the terminal.
std::string progress_line(const live_state& now, std::size_t columns)
{
    const char* const what = now.warming_up ? "warm-up " : "";
    if (now.limit_seconds == 0)
        return fmt::format(
            "{}running for {}; Ctrl-C ends it", what, seconds_text(now.elapsed_seconds));
    const double share = std::clamp(now.elapsed_seconds / now.limit_seconds, 0.0, 1.0);
    const std::string words = fmt::format("] {}{:3.0f}%, {} left", what, 100 * share,
        seconds_text(now.limit_seconds - now.elapsed_seconds));
    // Keep one column free: a terminal may begin a new line when its last column is written.
    const std::size_t room = columns > words.size() + 2 ? columns - words.size() - 2 : 0;
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(room));
    return fmt::format("[{}{}{}", std::string(filled, '='), std::string(room - filled, ' '), words);
}

std::string thread_line(std::size_t index, const bench_interval& thread)
{
    return fmt::format("thread {:<3} IOPS {:>8}  inline {:>5}", index, rate_text(thread.iops()),
        share_text(thread.stats.finished_inline, thread.finished()));
}

/// Adds lines that have two blanks between their words, and as many words as fit.
void add_wrapped(
    std::vector<std::string>& lines, std::span<const std::string> words, std::size_t columns)
{
    std::string line;
    for (const std::string& word : words) {
        if (!line.empty() && line.size() + 2 + word.size() >= columns)
            lines.push_back(std::exchange(line, {}));
        line += (line.empty() ? "" : "  ") + word;
    }
    lines.push_back(line);
}

/// The line with colour in the filled part of the bar, and with the IOPS in bold.
std::string coloured(const std::string& line)
{
    if (line.starts_with('[')) {
        const std::size_t end = std::max<std::size_t>(line.find_first_not_of('=', 1), 1);
        return fmt::format("[{}{}{}{}", kGreen, line.substr(1, end - 1), kPlain, line.substr(end));
    }
    if (line.starts_with("IOPS ")) {
        const std::size_t end = std::min(line.find(' ', 5), line.size());
        return fmt::format("{}{}{}{}", kBold, line.substr(0, end), kPlain, line.substr(end));
    }
    return line;
}

} // namespace

std::vector<std::string> live_lines(const live_state& now, terminal_size fits)
{
    const std::size_t columns = std::max(fits.columns, kColumnsMin);
    std::vector<std::string> lines{progress_line(now, columns)};
    if (now.last != nullptr) {
        const bench_interval& all = *now.last;
        std::vector<std::string> words{
            "IOPS " + rate_text(all.iops()), bandwidth_text(all.iops() * now.block_bytes)};
        if (all.latency.count != 0) {
            words.push_back("p50 " + duration_text(all.latency.p50_ns()));
            words.push_back("p99 " + duration_text(all.latency.p99_ns()));
        }
        words.push_back("inline " + share_text(all.stats.finished_inline, all.finished()));
        if (all.errors != 0)
            words.push_back(fmt::format("errors {}", all.errors));
        add_wrapped(lines, words, columns);
    }
    const std::size_t rows = std::max<std::size_t>(fits.rows / 2, lines.size());
    if (now.threads.size() > 1) {
        const std::size_t room = rows - lines.size();
        const bool all_fit = now.threads.size() <= room;
        const std::size_t shown = all_fit ? now.threads.size() : room == 0 ? 0 : room - 1;
        for (std::size_t i = 0; i < shown; ++i)
            lines.push_back(thread_line(i, now.threads[i]));
        if (!all_fit && room != 0)
            lines.push_back(fmt::format("and {} more threads", now.threads.size() - shown));
    }
    for (std::string& line : lines)
        line.resize(std::min(line.size(), columns - 1));
    return lines;
}

bool live_block::suits(std::FILE* to)
{
    const int descriptor = ::fileno(to);
    const std::string terminal = variable("TERM");
    return ::isatty(descriptor) == 1 && !terminal.empty() && terminal != "dumb"
        && size_of(descriptor).columns >= kColumnsMin;
}

live_block::live_block(text_output& to, std::FILE* terminal)
    : to_(to)
    , descriptor_(::fileno(terminal))
    , coloured_(variable("NO_COLOR").empty())
{
}

std::string live_block::to_first_line(std::size_t columns) const
{
    std::size_t rows = 0;
    for (const std::size_t width : drawn_columns_)
        rows += std::max<std::size_t>(1, (width + columns - 1) / columns);
    return rows == 0 ? std::string() : fmt::format("\r\033[{}A", rows);
}

void live_block::show(const live_state& now)
{
    const terminal_size size = size_of(descriptor_);
    std::string text = to_first_line(size.columns);
    drawn_columns_.clear();
    for (const std::string& line : live_lines(now, size)) {
        text += (coloured_ ? coloured(line) : line) + kErase + "\n";
        drawn_columns_.push_back(line.size());
    }
    to_.print(text + kEraseBelow);
}

void live_block::clear()
{
    if (drawn_columns_.empty())
        return;
    to_.print(to_first_line(size_of(descriptor_).columns) + kEraseBelow);
    drawn_columns_.clear();
}

} // namespace ngpoll::cli
