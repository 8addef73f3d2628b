// SPDX-License-Identifier: MIT
#include "invocation.hpp"

#include <string_view>

namespace ngpoll::cli {

namespace {

constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "%+,-./:=@_";

std::string quoted(std::string_view word)
{
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos)
        return std::string(word);
    std::string text = "'";
    for (const char c : word)
        c == '\'' ? text += "'\\''" : text += c;
    text += '\'';
    return text;
}

std::string& recorded() noexcept
{
    static std::string text;
    return text;
}

} // namespace

std::string shell_text(std::span<const char* const> words)
{
    std::string text;
    for (const char* const word : words) {
        if (!text.empty())
            text += ' ';
        text += quoted(word);
    }
    return text;
}

void record_invocation(int argc, char** argv)
{
    recorded() = shell_text({argv, static_cast<std::size_t>(argc)});
}

const std::string& invocation() noexcept { return recorded(); }

} // namespace ngpoll::cli
