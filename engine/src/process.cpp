// SPDX-License-Identifier: MIT
#include "process.hpp"

#include <pthread.h>

namespace ngpoll::detail {

unsigned process_generation = 0;

namespace {

[[maybe_unused]] const int registered
    = ::pthread_atfork(nullptr, nullptr, [] { ++process_generation; });

} // namespace

} // namespace ngpoll::detail
