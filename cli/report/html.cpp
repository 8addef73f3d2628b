// SPDX-License-Identifier: MIT
#include "html.hpp"

#include <cmath>
#include <cstddef>

#include <fmt/format.h>

namespace ngpoll::cli {

std::string html_escaped(std::string_view text)
{
    std::string safe;
    safe.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&': safe += "&amp;"; break;
        case '<': safe += "&lt;"; break;
        case '>': safe += "&gt;"; break;
        case '"': safe += "&quot;"; break;
        case '\'': safe += "&#39;"; break;
        case '\n':
        case '\t': safe += c; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                safe += "\xef\xbf\xbd"; // U+FFFD
            else
                safe += c;
        }
    }
    return safe;
}

std::string plain_number(double value) { return fmt::format("{}", value); }

std::string grouped_number(double value)
{
    if (!std::isfinite(value))
        return "\xe2\x80\x93"; // an en dash
    std::string digits = fmt::format("{:.0f}", std::abs(value));
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return (value < 0 && digits != "0" ? "-" : "") + digits;
}

} // namespace ngpoll::cli
