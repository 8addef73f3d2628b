// SPDX-License-Identifier: MIT
#include "bench/live.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../unit/catch.hpp"

using namespace ngpoll::cli;

namespace {

bench_interval second_of(std::uint64_t reads)
{
    bench_interval second{.seconds = 1, .end_seconds = 1};
    second.stats.finished_inline = reads;
    return second;
}

/// A pseudo terminal and the lines that a real terminal would show.
class screen {
public:
    screen()
    {
        REQUIRE(::openpty(&master_, &slave_, nullptr, nullptr, nullptr) == 0);
        file_ = ::fdopen(slave_, "w");
        REQUIRE(file_ != nullptr);
        resize(80, 24);
        ::setenv("TERM", "xterm", 1);
    }
    ~screen()
    {
        std::fclose(file_);
        ::close(master_);
    }
    screen(const screen&) = delete;
    screen& operator=(const screen&) = delete;

    [[nodiscard]] std::FILE* file() const { return file_; }
    /// Breaks lines that have become too wide, as terminals do.
    void resize(unsigned short columns, unsigned short rows)
    {
        look();
        std::vector<std::string> broken;
        std::size_t row = 0;
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            if (i == row_) // an empty line, or a line that fits
                row = broken.size();
            std::string rest = lines_[i];
            for (; rest.size() > columns; rest.erase(0, columns))
                broken.push_back(rest.substr(0, columns));
            broken.push_back(rest);
        }
        lines_ = broken;
        row_ = row;
        const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        REQUIRE(::ioctl(slave_, TIOCSWINSZ, &size) == 0);
    }
    /// Reads what was written. Accepts only the sequences that live_block may use.
    void look()
    {
        // The kernel delivers the output a little later, and this sequence comes last.
        constexpr std::string_view kEnd = "\033[999m";
        std::fputs(kEnd.data(), file_);
        std::fflush(file_);
        while (at_ == written_.size() || !written_.ends_with(kEnd)) {
            pollfd waiting{.fd = master_, .events = POLLIN, .revents = 0};
            REQUIRE(::poll(&waiting, 1, 60000) == 1);
            char some[4096];
            const ssize_t got = ::read(master_, some, sizeof some);
            REQUIRE(got > 0);
            written_.append(some, static_cast<std::size_t>(got));
        }
        for (; at_ < written_.size(); ++at_)
            take(written_[at_]);
    }
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
    [[nodiscard]] const std::string& written() const { return written_; }

private:
    void take(char c)
    {
        if (c == '\r') {
            column_ = 0;
        } else if (c == '\n') {
            column_ = 0; // the terminal writes \r\n for \n
            if (++row_ == lines_.size())
                lines_.emplace_back();
        } else if (c == '\033') {
            take_sequence();
        } else {
            std::string& line = lines_[row_];
            line.resize(std::max(line.size(), column_ + 1), ' ');
            line[column_++] = c;
        }
    }
    void take_sequence()
    {
        REQUIRE(written_.at(++at_) == '[');
        std::size_t number = 0;
        while (std::isdigit(static_cast<unsigned char>(written_.at(++at_))) != 0)
            number = 10 * number + static_cast<std::size_t>(written_[at_] - '0');
        switch (written_[at_]) {
        case 'A':
            REQUIRE(number <= row_);
            row_ -= number;
            break;
        case 'K': lines_[row_].resize(std::min(lines_[row_].size(), column_)); break;
        case 'J':
            lines_[row_].resize(std::min(lines_[row_].size(), column_));
            lines_.resize(row_ + 1);
            break;
        case 'm': break;
        default: FAIL("an unknown sequence ends with " << written_[at_]);
        }
    }

    int master_ = -1;
    int slave_ = -1;
    std::FILE* file_ = nullptr;
    std::string written_;
    std::size_t at_ = 0;
    std::vector<std::string> lines_{1};
    std::size_t row_ = 0;
    std::size_t column_ = 0;
};

} // namespace

TEST_CASE("the live block has the figures, and no line is too wide")
{
    bench_interval all = second_of(331610);
    all.latency.count = 1;
    all.latency.at_ns.fill(386000);
    const std::vector<bench_interval> threads(4, second_of(82902));
    live_state now{.elapsed_seconds = 2.5,
        .limit_seconds = 10,
        .block_bytes = 512,
        .last = &all,
        .threads = threads};
    std::vector<std::string> lines = live_lines(now, {.columns = 80, .rows = 24});
    REQUIRE(lines.size() == 6);
    CHECK(lines[0].starts_with("[====="));
    CHECK(lines[0].ends_with("]  25%, 8 s left"));
    CHECK(lines[0].size() == 79);
    CHECK(lines[1] == "IOPS 331.61K  162MiB/s  p50 386us  p99 386us  inline 100%");
    CHECK(lines[2] == "thread 0   IOPS   82.90K  inline  100%");
    CHECK(lines[5] == "thread 3   IOPS   82.90K  inline  100%");
    for (std::size_t columns = 1; columns < 200; ++columns)
        for (const std::string& line : live_lines(now, {.columns = columns, .rows = 24})) {
            CAPTURE(columns, line);
            REQUIRE(line.size() < std::max<std::size_t>(columns, 20));
        }
}

TEST_CASE("the live block counts the threads that do not fit")
{
    const bench_interval all = second_of(100);
    const std::vector<bench_interval> threads(40, second_of(1));
    const live_state now{
        .elapsed_seconds = 1, .limit_seconds = 2, .last = &all, .threads = threads};
    const auto lines = live_lines(now, {.columns = 80, .rows = 24});
    CHECK(lines.size() == 12);
    CHECK(lines.back() == "and 31 more threads");
    CHECK(live_lines(now, {.columns = 80, .rows = 1}).size() == 2); // the figures come first
}

TEST_CASE("the live block shows a run without an end, a warm-up and errors")
{
    bench_interval all = second_of(5);
    all.errors = 7;
    CHECK(
        live_lines({.elapsed_seconds = 75}, {}).front() == "running for 1:15 min; Ctrl-C ends it");
    CHECK(live_lines({.elapsed_seconds = 1, .limit_seconds = 4, .warming_up = true}, {})
              .front()
              .ends_with("] warm-up  25%, 3 s left"));
    const auto lines = live_lines({.limit_seconds = 10, .last = &all}, {});
    CHECK(lines.at(1) == "IOPS 5  0MiB/s  inline 100%  errors 7");
}

TEST_CASE("the live block is redrawn in place, and clear() leaves nothing of it")
{
    screen terminal;
    text_output out(terminal.file());
    out.print("the header\n");
    REQUIRE(live_block::suits(terminal.file()));
    {
        live_block block(out, terminal.file());
        const bench_interval all = second_of(100);
        block.show({.elapsed_seconds = 1, .limit_seconds = 4});
        terminal.look();
        REQUIRE(terminal.lines().size() == 3);
        CHECK(terminal.lines()[0] == "the header");
        CHECK(terminal.lines()[1].ends_with("25%, 3 s left"));
        const std::vector<bench_interval> threads(2, second_of(50));
        block.show({.elapsed_seconds = 2, .limit_seconds = 4, .last = &all, .threads = threads});
        terminal.look();
        REQUIRE(terminal.lines().size() == 6);
        CHECK(terminal.lines()[1].ends_with("50%, 2 s left"));
        CHECK(terminal.lines()[2] == "IOPS 100  0MiB/s  inline 100%");
        block.show({.elapsed_seconds = 3, .limit_seconds = 4});
        terminal.look();
        CHECK(terminal.lines().size() == 3);
        // The next lines fit the narrower terminal.
        terminal.resize(40, 24);
        block.show({.elapsed_seconds = 3, .limit_seconds = 4, .last = &all});
        block.clear();
        out.print("the summary\n");
    }
    terminal.look();
    CHECK(terminal.lines().front() == "the header");
    CHECK(terminal.lines().back().empty());
    CHECK(terminal.lines().at(terminal.lines().size() - 2) == "the summary");
    for (const std::string& line : terminal.lines())
        CHECK(line.find('[') == std::string::npos);
}

TEST_CASE("NO_COLOR leaves colours out")
{
    const auto drawn = [] {
        screen terminal;
        text_output out(terminal.file());
        live_block(out, terminal.file()).show({.elapsed_seconds = 2, .limit_seconds = 4});
        terminal.look();
        return terminal.written();
    };
    ::unsetenv("NO_COLOR");
    CHECK(drawn().find("\033[32m=") != std::string::npos);
    ::setenv("NO_COLOR", "1", 1);
    CHECK(drawn().find("\033[32m") == std::string::npos);
    ::unsetenv("NO_COLOR");
}

TEST_CASE("a pipe, a file, and a dumb or narrow terminal get no live block")
{
    std::FILE* const file = std::tmpfile();
    CHECK_FALSE(live_block::suits(file));
    std::fclose(file);
    screen terminal;
    ::setenv("TERM", "dumb", 1);
    CHECK_FALSE(live_block::suits(terminal.file()));
    ::unsetenv("TERM");
    CHECK_FALSE(live_block::suits(terminal.file()));
    ::setenv("TERM", "xterm", 1);
    CHECK(live_block::suits(terminal.file()));
    terminal.resize(10, 24);
    CHECK_FALSE(live_block::suits(terminal.file()));
}
