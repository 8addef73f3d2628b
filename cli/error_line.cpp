// SPDX-License-Identifier: MIT
#include "error_line.hpp"

#include <cstdio>
#include <new>
#include <system_error>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

constexpr const char* kNoMemory = "not enough memory; give fewer threads (-n) or a smaller depth "
                                  "(-d), or raise the limit (ulimit -v)";

/// std::thread throws this with the kernel's words for EAGAIN and none of its own.
bool is_missing_thread(const std::exception& error)
{
    const auto* const system = dynamic_cast<const std::system_error*>(&error);
    return system != nullptr && system->code() == std::errc::resource_unavailable_try_again
        && system->what() == system->code().message();
}

} // namespace

std::string error_text(const std::exception& error)
{
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
        return kNoMemory;
    if (is_missing_thread(error))
        return "a thread cannot be made; raise the limits on memory and threads (ulimit -v, "
               "ulimit -u)";
    return error.what();
}

void print_error(std::string_view text) noexcept
{
    std::fprintf(stderr, "ngpoll: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_error(const std::exception& error) noexcept
{
    try {
        print_error(error_text(error));
    } catch (const std::bad_alloc&) {
        print_error(kNoMemory);
    }
}

} // namespace ngpoll::cli
