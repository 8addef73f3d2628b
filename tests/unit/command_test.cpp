// SPDX-License-Identifier: MIT
#include <array>
#include <bit>
#include <cstdint>

#include <ngpoll/command.hpp>

#include "catch.hpp"

namespace {

using bytes = std::array<std::uint8_t, 64>;

bytes bytes_of(const ngpoll::command& built) { return std::bit_cast<bytes>(built); }

/// An entry with the given little-endian words and zeros elsewhere.
bytes entry(std::uint8_t opcode, std::uint32_t nsid, std::uint64_t slba, std::uint32_t cdw12)
{
    bytes expected{};
    expected[0] = opcode;
    for (unsigned i = 0; i < 4; ++i)
        expected[4 + i] = static_cast<std::uint8_t>(nsid >> (8 * i));
    for (unsigned i = 0; i < 8; ++i)
        expected[40 + i] = static_cast<std::uint8_t>(slba >> (8 * i));
    for (unsigned i = 0; i < 4; ++i)
        expected[48 + i] = static_cast<std::uint8_t>(cdw12 >> (8 * i));
    return expected;
}

} // namespace

TEST_CASE("read, write and flush have the bytes that the specification gives")
{
    CHECK(bytes_of(ngpoll::read_command(0x01020304, 0x1122334455667788, 8))
        == entry(0x02, 0x01020304, 0x1122334455667788, 7));
    CHECK(bytes_of(ngpoll::write_command(7, 0xfedcba9876543210, 256))
        == entry(0x01, 7, 0xfedcba9876543210, 255));
    CHECK(bytes_of(ngpoll::flush_command(0xffffffff)) == entry(0x00, 0xffffffff, 0, 0));
}

TEST_CASE("write zeroes and deallocate have the bytes that the specification gives")
{
    CHECK(bytes_of(ngpoll::write_zeroes_command(7, 0x1122334455667788, 65536))
        == entry(0x08, 7, 0x1122334455667788, 0xffff));
    CHECK(bytes_of(ngpoll::deallocate_command(7, 1)) == entry(0x09, 7, 0x400000000, 0));
    CHECK(bytes_of(ngpoll::deallocate_command(7, 256)) == entry(0x09, 7, 0x4000000ff, 0));
    const auto range = std::bit_cast<std::array<std::uint32_t, 4>>(
        ngpoll::dataset_range{.blocks = 5, .slba = 0x0000000200000001});
    CHECK(range == std::array<std::uint32_t, 4>{0, 5, 1, 2});
}

TEST_CASE("the number of blocks is zero-based and fills 16 bits at most")
{
    CHECK(bytes_of(ngpoll::read_command(1, 0, 1)) == entry(0x02, 1, 0, 0));
    CHECK(bytes_of(ngpoll::read_command(1, 0, 65536)) == entry(0x02, 1, 0, 0xffff));
    CHECK(bytes_of(ngpoll::write_command(1, 5, 65536)) == entry(0x01, 1, 5, 0xffff));
}

TEST_CASE("every field of an entry is where struct nvme_uring_cmd has it")
{
    const ngpoll::command built{.opcode = ngpoll::opcode::write,
        .flags = 0x41,
        .cdw2 = 0x20,
        .cdw3 = 0x30,
        .metadata = 0x4142434445464748,
        .data = 0x5152535455565758,
        .metadata_bytes = 0x61626364,
        .data_bytes = 0x71727374,
        .cdw13 = 0xd0,
        .cdw14 = 0xe0,
        .cdw15 = 0xf0};
    const bytes got = bytes_of(built);
    CHECK(got[1] == 0x41);
    CHECK(got[8] == 0x20);
    CHECK(got[12] == 0x30);
    CHECK((got[16] == 0x48 && got[23] == 0x41));
    CHECK((got[24] == 0x58 && got[31] == 0x51));
    CHECK((got[32] == 0x64 && got[35] == 0x61));
    CHECK((got[36] == 0x74 && got[39] == 0x71));
    CHECK(got[52] == 0xd0);
    CHECK(got[56] == 0xe0);
    CHECK(got[60] == 0xf0);
}
