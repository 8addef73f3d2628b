// SPDX-License-Identifier: MIT
#include "stamp.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "crc32c.hpp"

namespace ngpoll::cli {

namespace {

/// The first bytes of a block, as they lie on the drive.
struct stamp {
    std::uint64_t magic = 0;
    std::uint64_t run = 0;
    std::uint64_t lba = 0;
    std::uint32_t generation = 0;
    std::uint32_t crc = 0; ///< of the whole block, with this field as 0
};
static_assert(sizeof(stamp) == 32);

constexpr std::uint64_t kMagic = 0x31'66'76'6c'6c'6f'70'67; // "gpollvf1"

/// Sebastiano Vigna's splitmix64: every bit of the result depends on every bit of the number.
constexpr std::uint64_t mixed(std::uint64_t number) noexcept
{
    number += 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9;
    number = (number ^ (number >> 27U)) * 0x94d049bb133111eb;
    return number ^ (number >> 31U);
}

stamp stamp_of(const std::byte* block) noexcept
{
    stamp found;
    std::memcpy(&found, block, sizeof found);
    return found;
}

std::uint32_t crc_of(stamp head, const std::byte* block, std::uint32_t bytes) noexcept
{
    head.crc = 0;
    const std::uint32_t so_far = crc32c(&head, sizeof head, kCrcStart);
    return ~crc32c(block + sizeof head, bytes - sizeof head, so_far);
}

bool is_zero(const std::byte* block, std::uint32_t bytes) noexcept
{
    return std::all_of(block, block + bytes, [](std::byte b) { return b == std::byte{0}; });
}

} // namespace

stamper::stamper(std::uint64_t run, std::uint32_t block_bytes)
    : run_(run)
    , block_bytes_(block_bytes)
    , pattern_((block_bytes - sizeof(stamp)) / sizeof(std::uint64_t))
{
    std::uint64_t word = 0;
    for (std::uint64_t& each : pattern_)
        each = word = mixed(word + 1);
}

void stamper::fill(
    std::byte* block, std::uint64_t lba, std::uint64_t run, std::uint32_t generation) const noexcept
{
    const std::uint64_t key = mixed(mixed(lba ^ run) + generation);
    std::byte* to = block + sizeof(stamp);
    for (const std::uint64_t word : pattern_) {
        const std::uint64_t own = word ^ key;
        std::memcpy(to, &own, sizeof own);
        to += sizeof own;
    }
    stamp head{.magic = kMagic, .run = run, .lba = lba, .generation = generation};
    head.crc = crc_of(head, block, block_bytes_);
    std::memcpy(block, &head, sizeof head);
}

void stamper::write(std::byte* block, std::uint64_t lba, std::uint32_t generation) const noexcept
{
    fill(block, lba, run_, generation);
}

stamper::verdict stamper::read(
    const std::byte* block, const expectation& expected, finding& found) const
{
    const stamp head = stamp_of(block);
    if (head.magic != kMagic || head.crc != crc_of(head, block, block_bytes_)) {
        // A stamp with one wrong byte is still recognised by its other fields.
        const bool unstamped = head.magic != kMagic && head.lba != expected.lba
            && head.run != expected.run.value_or(~head.run);
        if (expected.generation_min == 0 && (unstamped || is_zero(block, block_bytes_)))
            return verdict::unstamped;
        found = damage(block, expected);
        return verdict::wrong;
    }
    found = {.lba = expected.lba, .found_generation = head.generation};
    if (head.lba != expected.lba) {
        found.what = finding::kind::misplaced;
        found.found_lba = head.lba;
    } else if (expected.run && head.run != *expected.run) {
        found.what = finding::kind::stale;
        found.text = "of another run";
    } else if (head.generation < expected.generation_min) {
        found.what = finding::kind::stale;
        found.text = fmt::format("instead of {}", expected.generation_min);
    } else if (head.generation > expected.generation_max) {
        found.text = "which was never written";
    } else {
        return verdict::right;
    }
    return verdict::wrong;
}

/// Describes the damage of a block, by comparison with the stamped block that it is closest to.
finding stamper::damage(const std::byte* block, const expectation& expected) const
{
    if (is_zero(block, block_bytes_))
        return {.what = finding::kind::missing, .lba = expected.lba, .text = "zeroes"};
    const stamp head = stamp_of(block);
    std::vector<std::byte> should(block_bytes_);
    std::size_t wrong = block_bytes_ + 1;
    std::size_t first = 0;
    for (const std::uint32_t generation : {head.generation, expected.generation_min}) {
        fill(should.data(), expected.lba, expected.run.value_or(head.run), generation);
        std::size_t count = 0;
        for (std::size_t i = 0; i < block_bytes_; ++i)
            count += should[i] != block[i];
        if (count >= wrong)
            continue;
        wrong = count;
        first = static_cast<std::size_t>(
            std::mismatch(should.begin(), should.end(), block).first - should.begin());
    }
    if (wrong <= block_bytes_ / 2)
        return {.what = finding::kind::corrupt,
            .lba = expected.lba,
            .text = fmt::format(
                "{} wrong byte{}, the first at offset {}", wrong, wrong == 1 ? "" : "s", first)};
    return {.what = head.magic == kMagic ? finding::kind::corrupt : finding::kind::missing,
        .lba = expected.lba,
        .text = fmt::format("other data, which begin with {:02x} {:02x} {:02x} {:02x}",
            std::to_integer<unsigned>(block[0]), std::to_integer<unsigned>(block[1]),
            std::to_integer<unsigned>(block[2]), std::to_integer<unsigned>(block[3]))};
}

} // namespace ngpoll::cli
