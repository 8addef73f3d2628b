// SPDX-License-Identifier: MIT
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;
using test::drive;

TEST_CASE("buffers are aligned, do not overlap and can be written whole")
{
    const std::uint32_t bytes = GENERATE(1U, 16U, 512U, 520U, 1024U, 4096U, 4160U, 12288U, 65536U);
    CAPTURE(bytes);
    drive emulated("emu:size=1M");
    const buffer_pool pool(emulated.queue, {.count = 17, .buffer_bytes = bytes});
    CHECK(pool.count() == 17);
    for (std::uint32_t i = 0; i < 17; ++i) {
        const buffer at = pool.at(i);
        const auto address = reinterpret_cast<std::uintptr_t>(at.data);
        CHECK(at.size_bytes == bytes);
        CHECK(address % 512 == 0);
        if (std::has_single_bit(bytes) && bytes <= 4096)
            CHECK(address % bytes == 0);
        if (bytes > 4096) // a larger buffer starts on a page
            CHECK(address % 4096 == 0);
        CHECK(at.fixed_index == buffer::kNotFixed); // an emulated drive registers nothing
        std::memset(at.data, static_cast<int>(i + 1), at.size_bytes);
    }
    for (std::uint32_t i = 0; i < 17; ++i) {
        const buffer at = pool.at(i);
        const std::vector<std::byte> expected(bytes, static_cast<std::byte>(i + 1));
        CHECK(std::memcmp(at.data, expected.data(), bytes) == 0);
    }
}

TEST_CASE("a new buffer pool is zero")
{
    drive emulated("emu:size=1M");
    const buffer_pool pool(emulated.queue, {.count = 2, .buffer_bytes = 4096});
    const std::vector<std::byte> zeros(4096);
    CHECK(std::memcmp(pool.at(0).data, zeros.data(), zeros.size()) == 0);
    CHECK(std::memcmp(pool.at(1).data, zeros.data(), zeros.size()) == 0);
}

TEST_CASE("a pool that fills less than half a huge page does not use huge pages")
{
    drive emulated("emu:size=1M");
    CHECK_FALSE(buffer_pool(emulated.queue, {.count = 16, .buffer_bytes = 4096}).in_huge_pages());
    const buffer_pool refused(
        emulated.queue, {.count = 1024, .buffer_bytes = 4096, .huge_pages = false});
    CHECK_FALSE(refused.in_huge_pages());
    // A larger pool uses huge pages where the system has them, and works without them too.
    const buffer_pool large(emulated.queue, {.count = 1024, .buffer_bytes = 4096});
    std::memset(large.at(1023).data, 1, 4096);
}

TEST_CASE("a pool without buffers or with empty ones is refused")
{
    drive emulated("emu:size=1M");
    const auto error_of = [&](buffer_pool::options requested) {
        return test::error_of([&] { const buffer_pool made(emulated.queue, requested); }).value;
    };
    CHECK(error_of({.count = 0, .buffer_bytes = 512}) == EINVAL);
    CHECK(error_of({.count = 1, .buffer_bytes = 0}) == EINVAL);
    CHECK(error_of({.count = 1, .buffer_bytes = 512, .fixed = false}) == 0);
}

TEST_CASE("a command moves data through a pool's buffer")
{
    drive emulated("emu:size=1M");
    const buffer_pool pool(emulated.queue, {.count = 2, .buffer_bytes = 4096});
    ring own(emulated.queue);
    const auto data = test::pattern(4096, 5);
    std::memcpy(pool.at(0).data, data.data(), data.size());
    CHECK(test::run(own, write_command(1, 8, 8), pool.at(0).data, 4096).ok());
    CHECK(test::run(own, read_command(1, 8, 8), pool.at(1).data, 4096).ok());
    CHECK(std::memcmp(pool.at(1).data, data.data(), data.size()) == 0);
}
