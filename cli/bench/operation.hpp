// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ngpoll::cli {

/// The operation of an I/O. Each operation has its own latencies; its value is their index.
enum class operation : std::uint8_t { read, write, trim, write_zeroes };

inline constexpr std::size_t kOperations = 4;
inline constexpr std::array<operation, kOperations> kAllOperations{
    operation::read, operation::write, operation::trim, operation::write_zeroes};

[[nodiscard]] constexpr const char* to_string(operation what) noexcept
{
    switch (what) {
    case operation::read: return "read";
    case operation::write: return "write";
    case operation::trim: return "trim";
    case operation::write_zeroes: return "write_zeroes";
    }
    return "";
}

} // namespace ngpoll::cli
