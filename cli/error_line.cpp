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

/// std::thread throws EAGAIN with the text of that errno and nothing else.
bool is_missing_thread(const std::exception& error)
{
    const auto* const system = dynamic_cast<const std::system_error*>(&error);
    return system != nullptr && system->code() == std::errc::resource_unavailable_try_again
        && system->what() == system->code().message();
}

/// std::system_error appends a colon and the errno's text to the sentence. This function puts the
/// errno's text in brackets instead, as the engine's own errors do.
std::string in_brackets(const std::system_error& error)
{
    std::string text = error.what();
    const std::string words = error.code().message();
    const std::string tail = ": " + words;
    if (error.code().category() != std::system_category() || !text.ends_with(tail))
        return text;
    return fmt::format("{} ({}, errno {})", text.substr(0, text.size() - tail.size()), words,
        error.code().value());
}

} // namespace

std::string error_text(const std::exception& error)
{
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
        return kNoMemory;
    if (is_missing_thread(error))
        return "a thread cannot be made; raise the limits on memory and threads (ulimit -v, "
               "ulimit -u)";
    if (const auto* const system = dynamic_cast<const std::system_error*>(&error))
        return in_brackets(*system);
    return error.what();
}

void print_error(std::string_view text) noexcept
{
    std::fprintf(stderr, "ngpoll: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_note(std::string_view text) noexcept
{
    std::fprintf(stderr, "ngpoll: note: %.*s\n", static_cast<int>(text.size()), text.data());
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
