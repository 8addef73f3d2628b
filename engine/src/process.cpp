// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <pthread.h>

namespace ngpoll::detail {

namespace {

// Plain: a fork happens between two instructions of the one thread that the child has.
unsigned generation = 0;

const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++generation; });

} // namespace

unsigned process_generation() noexcept
{
    static_cast<void>(registered);
    return generation;
}

} // namespace ngpoll::detail
