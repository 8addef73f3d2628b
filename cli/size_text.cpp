// SPDX-License-Identifier: MIT
#include "size_text.hpp"

#include <cstddef>
#include <iterator>

#include <fmt/format.h>

namespace ngpoll::cli {

std::string size_text(std::uint64_t bytes)
{
    constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit)
        value /= 1024;
    return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

} // namespace ngpoll::cli
