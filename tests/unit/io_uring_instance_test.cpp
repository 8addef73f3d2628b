// SPDX-License-Identifier: MIT
//
// Tests the table of registered buffers of a ring of the running kernel. It needs no drive.
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "catch.hpp"
#include "fixed_read.hpp"
#include "support.hpp"
#include "uring/io_uring_instance.hpp"

using namespace ngpoll;
using test::fixed_read;

namespace {

constexpr std::uint32_t kBytes = 4096;

struct fixture {
    poll_queue_report report;
    io_uring_instance own{-1,
        {.depth = 8, .rings_max = 2, .mode = poll_mode::interrupt, .registered_file = false},
        report};
    transport_seat seat{own.attach()};
    std::vector<std::byte> memory{std::size_t{4} * kBytes, std::byte{0xff}};

    std::byte* at(std::size_t index) { return memory.data() + index * kBytes; }

    std::uint16_t register_from(std::size_t index, std::uint32_t count)
    {
        return own.register_buffers(at(index), kBytes, kBytes, count);
    }
};

} // namespace

TEST_CASE("buffers registered later do not move the earlier ones")
{
    fixture f;
    const std::uint16_t first = f.register_from(0, 2);
    const std::uint16_t second = f.register_from(2, 2);
    CHECK(second == first + 2);
    for (std::uint16_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        // The kernel refuses memory that is not in the registered place.
        CHECK(fixed_read(f.own, f.seat, f.at(i), first + i) == kBytes);
        CHECK(f.at(i)[0] == std::byte{0});
    }
}

TEST_CASE("the places of removed buffers are empty and are used again")
{
    fixture f;
    const std::uint16_t first = f.register_from(0, 2);
    const std::uint16_t second = f.register_from(2, 1);
    f.own.unregister_buffers(first, 2);
    CHECK(fixed_read(f.own, f.seat, f.at(0), first) == -EFAULT);
    CHECK(fixed_read(f.own, f.seat, f.at(2), second) == kBytes);
    CHECK(f.register_from(0, 2) == first);
    CHECK(f.register_from(3, 1) == second + 1);
}
