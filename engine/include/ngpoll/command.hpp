// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <ngpoll/assert.hpp>

namespace ngpoll {

/// NVM command set opcodes this release builds commands for (NVM Command Set Specification 1.0,
/// figure 10).
enum class opcode : std::uint8_t {
    flush = 0x00, ///< commits the volatile write cache
    write = 0x01, ///< writes logical blocks
    read = 0x02, ///< reads logical blocks
    write_zeroes = 0x08, ///< zeroes logical blocks without sending data
    dataset_management = 0x09, ///< deallocates ranges of logical blocks
};

/// One NVMe command, laid out as the first 64 bytes of the kernel's `struct nvme_uring_cmd`. This
/// is a submission queue entry with pointers and lengths for data and metadata instead of PRPs. Any
/// field may be written by hand; the functions below build the usual commands. They stop the
/// program if a count does not fit into the command: cut off, the count would name other blocks.
struct command {
    ngpoll::opcode opcode = opcode::flush; ///< the work of the drive
    std::uint8_t flags = 0; ///< fused operation; 0: none
    std::uint16_t reserved = 0; ///< always zero
    std::uint32_t nsid = 0; ///< the namespace
    std::uint32_t cdw2 = 0; ///< dword 2 of the submission queue entry
    std::uint32_t cdw3 = 0; ///< dword 3
    std::uint64_t metadata = 0; ///< address of a buffer for metadata; 0: none
    std::uint64_t data = 0; ///< address of the data, by request::set_buffer()
    std::uint32_t metadata_bytes = 0; ///< size of that buffer
    std::uint32_t data_bytes = 0; ///< length of the data
    std::uint64_t slba = 0; ///< cdw10 and cdw11: starting LBA
    std::uint32_t cdw12 = 0; ///< bits 0-15: number of logical blocks, minus one
    std::uint32_t cdw13 = 0; ///< dword 13
    std::uint32_t cdw14 = 0; ///< dword 14
    std::uint32_t cdw15 = 0; ///< dword 15
};

static_assert(sizeof(command) == 64);
static_assert(offsetof(command, data) == 24 && offsetof(command, slba) == 40);

namespace detail {

constexpr command transfer_command(
    opcode op, std::uint32_t nsid, std::uint64_t slba, std::uint32_t blocks) noexcept
{
    NGPOLL_ASSERT(blocks - 1 <= 0xffffU, "a command moves 1 to 65,536 blocks; give more commands");
    return {.opcode = op, .nsid = nsid, .slba = slba, .cdw12 = (blocks - 1) & 0xffffU};
}

} // namespace detail

/// Reads `blocks` (1 to 65,536) logical blocks from `slba`. The data pointer and its length come
/// from request::set_buffer().
[[nodiscard]] constexpr command read_command(
    std::uint32_t nsid, std::uint64_t slba, std::uint32_t blocks) noexcept
{
    return detail::transfer_command(opcode::read, nsid, slba, blocks);
}

/// Writes `blocks` (1 to 65,536) logical blocks from `slba`. The namespace must be open for
/// writing.
[[nodiscard]] constexpr command write_command(
    std::uint32_t nsid, std::uint64_t slba, std::uint32_t blocks) noexcept
{
    return detail::transfer_command(opcode::write, nsid, slba, blocks);
}

/// Zeroes `blocks` (1 to 65,536) logical blocks from `slba` without sending data: give the request
/// no buffer. Not every drive has this command. Up to Linux 6.4 see flush_command().
[[nodiscard]] constexpr command write_zeroes_command(
    std::uint32_t nsid, std::uint64_t slba, std::uint32_t blocks) noexcept
{
    return detail::transfer_command(opcode::write_zeroes, nsid, slba, blocks);
}

/// One range of a Dataset Management command (NVM Command Set Specification 1.0, figure 44).
struct dataset_range {
    std::uint32_t attributes = 0; ///< hints for the drive; 0: none
    std::uint32_t blocks = 0; ///< number of logical blocks
    std::uint64_t slba = 0; ///< the first block
};

static_assert(sizeof(dataset_range) == 16);

/// Tells the drive that the blocks in `ranges` (1 to 256) dataset_ranges are not needed. The ranges
/// are the request's buffer. The drive chooses what the blocks read as afterwards. Not every drive
/// has this command.
[[nodiscard]] constexpr command deallocate_command(
    std::uint32_t nsid, std::uint32_t ranges) noexcept
{
    NGPOLL_ASSERT(ranges - 1 <= 0xffU, "a command deallocates 1 to 256 ranges; give more commands");
    constexpr std::uint64_t kDeallocate = 1U << 2U; // a bit of cdw11
    return {.opcode = opcode::dataset_management,
        .nsid = nsid,
        .slba = (kDeallocate << 32U) | ((ranges - 1) & 0xffU)};
}

/// Commits the volatile write cache. Carries no data: give the request no buffer. Up to Linux 6.4
/// the kernel crashes when it polls a command without data. A polled queue ends such a command with
/// EINVAL there; a queue by interrupt carries it out.
[[nodiscard]] constexpr command flush_command(std::uint32_t nsid) noexcept
{
    return {.opcode = opcode::flush, .nsid = nsid};
}

} // namespace ngpoll
