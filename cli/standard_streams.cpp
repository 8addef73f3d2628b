// SPDX-License-Identifier: MIT
#include "standard_streams.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

/// A shell closes a stream with `>&-`. The next file that is opened would get the stream's number,
/// and then printf() would write into that file.
void fill_if_closed(int descriptor)
{
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF)
        return;
    // Read-only, so that a write to a closed stream still fails. open() returns the lowest free
    // number. That is `descriptor`, because all lower numbers are open by now.
    if (::open("/dev/null", O_RDONLY) != descriptor)
        throw std::system_error(errno, std::system_category(),
            "a standard stream is closed, and /dev/null cannot be opened in its place");
}

} // namespace

void prepare_standard_streams()
{
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        fill_if_closed(descriptor);
    // By default these signals end the process in the middle of a write. When they are ignored, the
    // write fails: with EPIPE, or with EFBIG under a limit on the size of files.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

} // namespace ngpoll::cli
