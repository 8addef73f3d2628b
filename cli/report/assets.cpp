// SPDX-License-Identifier: MIT
#include "assets.hpp"

#include <cstddef>

// The assembler includes the files, because a compiler takes seconds for a string of 200 KB. The
// build passes their paths.
#define NGPOLL_EMBED(name, file)                                                                   \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global ngpoll_" #name "_begin\n.hidden ngpoll_" #name "_begin\n"                     \
            ".global ngpoll_" #name "_end\n.hidden ngpoll_" #name "_end\n"                         \
            "ngpoll_" #name "_begin:\n.incbin \"" file "\"\nngpoll_" #name "_end:\n"               \
            ".popsection\n");                                                                      \
    extern "C" const char ngpoll_##name##_begin[];                                                 \
    extern "C" const char ngpoll_##name##_end[]

NGPOLL_EMBED(chart_library, NGPOLL_CHART_LIBRARY);
NGPOLL_EMBED(page_script, NGPOLL_PAGE_SCRIPT);
NGPOLL_EMBED(page_style, NGPOLL_PAGE_STYLE);

namespace ngpoll::cli {

namespace {

std::string_view between(const char* begin, const char* end) noexcept
{
    return {begin, static_cast<std::size_t>(end - begin)};
}

} // namespace

std::string_view chart_library() noexcept
{
    return between(ngpoll_chart_library_begin, ngpoll_chart_library_end);
}

std::string_view page_script() noexcept
{
    return between(ngpoll_page_script_begin, ngpoll_page_script_end);
}

std::string_view page_style() noexcept
{
    return between(ngpoll_page_style_begin, ngpoll_page_style_end);
}

} // namespace ngpoll::cli
