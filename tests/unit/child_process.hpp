// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstdio>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "support.hpp"

namespace ngpoll::test {

/// Whether this build has the assertions of the I/O path, too (NGPOLL_DEBUG_ASSERT).
#ifdef NDEBUG
inline constexpr bool kDebug = false;
#else
inline constexpr bool kDebug = true;
#endif

/// How a forked child ended.
struct child_end {
    std::string said; ///< what the child wrote to standard error
    int status = 0; ///< as waitpid() reports it

    [[nodiscard]] bool aborted() const
    {
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    }
    [[nodiscard]] bool exited_well() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
    [[nodiscard]] bool says(const std::string& words) const
    {
        return said.find(words) != std::string::npos;
    }
};

/// Runs `does` in a forked child and ends the child with _exit(0).
template <class Does>
child_end in_child(Does&& does)
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::fflush(stdout);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit no_core{};
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::dup2(ends[1], STDERR_FILENO);
        ::alarm(static_cast<unsigned>(kDeadline.count()));
        // Else Catch2 would report the test from the child.
        for (const int fatal : {SIGABRT, SIGSEGV})
            std::signal(fatal, SIG_DFL);
        does();
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end end;
    char part[512];
    for (ssize_t got = 0; (got = ::read(ends[0], part, sizeof part)) > 0;)
        end.said.append(part, static_cast<std::size_t>(got));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &end.status, 0) == child);
    return end;
}

/// True if `does`, run in a child, aborts and prints `words`.
template <class Does>
bool aborts_saying(const std::string& words, Does&& does)
{
    const child_end end = in_child(does);
    INFO(end.said);
    CHECK(end.says(words));
    return end.aborted();
}

} // namespace ngpoll::test
