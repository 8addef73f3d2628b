// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace ngpoll::cli {

/// The CRC-32C register before the first byte; the checksum is the complement of the last one.
inline constexpr std::uint32_t kCrcStart = ~0U;

/// The register after `size` more bytes, by ISA-L. Any thread.
[[nodiscard]] std::uint32_t crc32c(
    const void* data, std::size_t size, std::uint32_t before) noexcept;

} // namespace ngpoll::cli
