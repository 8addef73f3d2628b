// SPDX-License-Identifier: MIT
#include "child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

using std::chrono::milliseconds;

/// The wait from SIGINT to SIGKILL, and then until the child is given up.
constexpr milliseconds kGrace{10'000};

[[noreturn]] void fail(int errno_value, const char* what)
{
    throw std::system_error(errno_value, std::system_category(), what);
}

class descriptor {
public:
    descriptor(int opened, const char* what)
        : opened_(opened)
    {
        if (opened < 0)
            fail(errno, what);
    }
    ~descriptor() { ::close(opened_); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    [[nodiscard]] int number() const noexcept { return opened_; }

private:
    const int opened_;
};

/// Whether `opened` becomes readable in time; a negative time means no limit.
bool is_readable(int opened, milliseconds time)
{
    pollfd asked{.fd = opened, .events = POLLIN, .revents = 0};
    int ready = 0;
    while ((ready = ::poll(&asked, 1, static_cast<int>(time.count()))) < 0 && errno == EINTR) { }
    return ready > 0;
}

/// The output of a child. It is kept in memory, so the child never waits for a reader.
class captured {
public:
    captured()
        : file_(::memfd_create("ngpoll survey", MFD_CLOEXEC), "no memory for a program's output")
    {
    }

    [[nodiscard]] int number() const noexcept { return file_.number(); }

    [[nodiscard]] std::string text() const
    {
        std::string all;
        std::array<char, 65536> part{};
        ssize_t got = 0;
        while (
            (got = ::pread(number(), part.data(), part.size(), static_cast<off_t>(all.size()))) > 0)
            all.append(part.data(), static_cast<std::size_t>(got));
        return all;
    }

private:
    const descriptor file_;
};

/// Starts a program. Returns 0 or an errno.
int spawn(const std::vector<std::string>& words, int out, int err, pid_t& child)
{
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // posix_spawn changes none
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    int reason = ::posix_spawn_file_actions_init(&files);
    if (reason != 0)
        return reason;
    reason = ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (const auto& [from, to] : {std::pair(out, STDOUT_FILENO), std::pair(err, STDERR_FILENO)})
        if (reason == 0)
            reason = ::posix_spawn_file_actions_adddup2(&files, from, to);
    if (reason == 0)
        reason = ::posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    return reason;
}

/// Waits until the child has ended. Returns false if it does not end even when it is killed.
bool wait_for_end(
    pid_t child, const child_limits& limits, const stop_signals& signals, child_result& result)
{
    // A system call, because glibc 2.36 declares pidfd_open() for C only.
    const descriptor ended(
        static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), "a program cannot be watched");
    using clock = stop_signals::clock;
    if (signals.wait_until(clock::now() + limits.time, ended.number())) {
        ::kill(child, SIGINT);
    } else if (!is_readable(ended.number(), milliseconds(0))) {
        result.overdue = true;
        ::kill(child, SIGINT);
    }
    if (!limits.may_kill)
        return is_readable(ended.number(), milliseconds(-1));
    if (is_readable(ended.number(), kGrace))
        return true;
    ::kill(child, SIGKILL);
    return is_readable(ended.number(), kGrace);
}

} // namespace

child_result run_child(
    const std::vector<std::string>& words, const child_limits& limits, const stop_signals& signals)
{
    child_result result;
    const captured out;
    const captured err;
    pid_t child = 0;
    const int refused = spawn(words, out.number(), err.number(), child);
    if (refused == ENOENT)
        return result;
    if (refused != 0)
        fail(refused, ("a program cannot be started: " + words.front()).c_str());
    if (!wait_for_end(child, limits, signals, result)) {
        result.ended_as = child_result::ending::abandoned;
        return result;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) { }
    const bool exited = WIFEXITED(status);
    result.ended_as = exited ? child_result::ending::exited : child_result::ending::killed;
    result.code = exited ? WEXITSTATUS(status) : WTERMSIG(status);
    result.out = out.text();
    result.err = err.text();
    return result;
}

} // namespace ngpoll::cli
