// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace ngpoll::detail {

unsigned process_generation = 0;

std::mutex& process_mutex() noexcept
{
    // Never destroyed: a program may fork, or close a queue, while its static objects go.
    static auto& mutex = *new std::mutex;
    return mutex;
}

namespace {

std::vector<int>& descriptors() noexcept
{
    static auto& open = *new std::vector<int>; // never destroyed, like process_mutex()
    return open;
}

/// Runs in a forked child: close-on-exec does not help a child that only forks. The child must not
/// send its parent's commands, take the parent's buffers out of the kernel's table, or keep the
/// lock of a drive. It closes the descriptors at once: later their numbers may belong to other
/// files.
void leave_parent() noexcept
{
    ++process_generation;
    for (const int fd : descriptors())
        ::close(fd);
    descriptors().clear();
    process_mutex().unlock();
}

const int kFailed = ::pthread_atfork(
    [] { process_mutex().lock(); }, [] { process_mutex().unlock(); }, leave_parent);

} // namespace

void require_fork_handlers()
{
    if (kFailed != 0)
        throw std::bad_alloc();
}

void close_in_forked_child(int fd) { descriptors().push_back(fd); }

void drop_descriptor(int fd) noexcept
{
    std::vector<int>& open = descriptors();
    if (const auto at = std::find(open.begin(), open.end(), fd); at != open.end())
        open.erase(at);
}

} // namespace ngpoll::detail
