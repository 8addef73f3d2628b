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

void stop(const std::string& text) noexcept
{
    std::fprintf(stderr, "ngpoll: %s\n", text.c_str());
    std::abort();
}

} // namespace ngpoll::detail
