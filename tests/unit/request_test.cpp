// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>

#include <ngpoll/request.hpp>

#include "catch.hpp"

using ngpoll::request;

TEST_CASE("set_buffer points the whole command data at the buffer")
{
    std::byte memory[1024];
    request r;
    CHECK(r.fixed_index == ngpoll::buffer::kNotFixed);
    r.cmd = ngpoll::read_command(1, 7, 2);
    r.set_buffer({.data = memory, .size_bytes = 1024, .fixed_index = 3});
    CHECK(r.cmd.data == reinterpret_cast<std::uintptr_t>(memory));
    CHECK(r.cmd.data_bytes == 1024);
    CHECK(r.fixed_index == 3);
    CHECK(r.fixed);
    CHECK(r.cmd.slba == 7);
    r.set_buffer({.data = memory + 512, .size_bytes = 512});
    CHECK(r.cmd.data_bytes == 512);
    CHECK(r.fixed_index == ngpoll::buffer::kNotFixed);
    CHECK_FALSE(r.fixed);
}
