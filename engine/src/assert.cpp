// SPDX-License-Identifier: MIT
#include <ngpoll/assert.hpp>

#include <cstdio>
#include <cstdlib>

#include "error.hpp"

namespace ngpoll::detail {

void assertion_failed(const char* expression, const char* hint, const char* file, int line) noexcept
{
    std::fprintf(stderr, "ngpoll: %s (%s is false, %s:%d)\n", hint, expression, file, line);
    std::abort();
}

void stop(const char* text) noexcept
{
    std::fprintf(stderr, "ngpoll: %s\n", text);
    std::abort();
}

} // namespace ngpoll::detail
