// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finding.hpp"

namespace ngpoll::cli {

/// The content that a logical block should have, as far as that is known.
struct expectation {
    std::uint64_t lba = 0;
    std::optional<std::uint64_t> run = {}; ///< the number of the run that wrote it
    std::uint32_t generation_min = 0; ///< the last acknowledged one; 0: none is known
    std::uint32_t generation_max = UINT32_MAX; ///< the last one that was sent
};

/// Fills logical blocks, and judges blocks that were read. Each block begins with a stamp: address,
/// generation, run, and a CRC-32C of the whole block. All other bytes depend on the stamp, so half
/// of another block is noticed, too. For one thread.
class stamper {
public:
    static constexpr std::uint32_t kBlockBytesMin = 512;

    /// `block_bytes`: the data of one logical block, a multiple of 512.
    stamper(std::uint64_t run, std::uint32_t block_bytes);

    void write(std::byte* block, std::uint64_t lba, std::uint32_t generation) const noexcept;

    enum class verdict : std::uint8_t {
        right,
        unstamped, ///< no stamp, and it needs none
        wrong,
    };
    /// Judges a block. Writes to `found` what is wrong.
    [[nodiscard]] verdict read(
        const std::byte* block, const expectation& expected, finding& found) const;

private:
    void fill(std::byte* block, std::uint64_t lba, std::uint64_t run,
        std::uint32_t generation) const noexcept;
    [[nodiscard]] finding damage(const std::byte* block, const expectation& expected) const;

    const std::uint64_t run_;
    const std::uint32_t block_bytes_;
    std::vector<std::uint64_t> pattern_; ///< for the words after the stamp
};

} // namespace ngpoll::cli
