// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"
#include "uring/tag_budget.hpp"

using ngpoll::tag_budget;
namespace test = ngpoll::test;

namespace {

constexpr std::uint32_t kTags = 15;

tag_budget::claim claim(std::uint32_t depth, std::optional<std::uint32_t> hardware_queue = {},
    const std::string& block = "nvme0n1", const std::string& controller = "nvme0")
{
    return {.path = "/dev/ng" + block.substr(4),
        .controller = controller,
        .block = block,
        .tags = kTags,
        .hardware_queue = hardware_queue,
        .depth = depth,
        .default_depth = 128};
}

test::thrown error_of(const tag_budget::claim& wanted)
{
    return test::error_of([&] { const tag_budget refused(wanted); });
}

} // namespace

TEST_CASE("the queues of a controller together get at most the tags of one hardware queue")
{
    {
        const tag_budget first(claim(12));
        CHECK(first.depth() == 12);
        const auto error = error_of(claim(12));
        CHECK(error.value == EBUSY);
        CHECK(error.says("depth 12 and the 12 of this process's other polled queues make 24, above "
                         "the 15 tags of one hardware queue"));
        const tag_budget second(claim(3));
        CHECK(error_of(claim(1)).value == EBUSY);
        const tag_budget elsewhere(claim(15, {}, "nvme1n1", "nvme1"));
    }
    const tag_budget all_again(claim(15));
}

TEST_CASE("a depth of 0 takes what is left, up to the default")
{
    const tag_budget first(claim(4));
    {
        const tag_budget rest(claim(0));
        CHECK(rest.depth() == 11);
        CHECK(error_of(claim(0)).value == EBUSY);
    }
    tag_budget::claim small = claim(0);
    small.default_depth = 5;
    CHECK(tag_budget(small).depth() == 5);
}

TEST_CASE("queues with a known hardware queue count for it alone, other queues count for each")
{
    const tag_budget first(claim(15, 1));
    CHECK(error_of(claim(1, 1)).value == EBUSY);
    CHECK(error_of(claim(1)).value == EBUSY);
    CHECK(error_of(claim(0)).value == EBUSY);
    const tag_budget second(claim(10, 2));
    const tag_budget third(claim(0, 2));
    CHECK(third.depth() == 5);
    {
        const tag_budget whole(claim(9, 3));
        const tag_budget other(claim(6, 3));
    }
    const tag_budget fourth(claim(4, 3));
    CHECK(error_of(claim(12)).value == EBUSY);
}

TEST_CASE("a queue without a known hardware queue leaves less in each hardware queue")
{
    const tag_budget anywhere(claim(10));
    CHECK(error_of(claim(6, 1)).value == EBUSY);
    const tag_budget first(claim(5, 1));
    const tag_budget second(claim(5, 2));
}

TEST_CASE("each namespace of a controller has an equal part")
{
    {
        const tag_budget first(claim(8));
        const auto error = error_of(claim(1, {}, "nvme0n2"));
        CHECK(error.value == EBUSY);
        CHECK(error.says("another namespace's polled queues have 8 commands in flight, above the 7 "
                         "that the kernel gives each of this process's 2 namespaces on nvme0"));
    }
    const tag_budget first(claim(7));
    const auto error = error_of(claim(8, {}, "nvme0n2"));
    CHECK(error.value == EBUSY);
    CHECK(
        error.says("depth 8 and the 0 of this process's other polled queues make 8, above the 7"));
    const tag_budget second(claim(0, {}, "nvme0n2"));
    CHECK(second.depth() == 7);
    CHECK(error_of(claim(1)).value == EBUSY); // 7 of 15 is the whole part
    CHECK(error_of(claim(5, {}, "nvme0n3")).value == EBUSY);
}

TEST_CASE("namespaces on different hardware queues share no tags")
{
    const tag_budget first(claim(15, 1));
    const tag_budget second(claim(15, 2, "nvme0n2"));
    CHECK(error_of(claim(1, 2)).value == EBUSY);
}

TEST_CASE("a budget can be moved, and is given back once")
{
    tag_budget first(claim(10));
    {
        const tag_budget moved(std::move(first));
        CHECK(moved.depth() == 10);
        CHECK(error_of(claim(6)).value == EBUSY);
    }
    std::optional<tag_budget> empty(claim(10));
    {
        const tag_budget moved(std::move(*empty));
        empty.reset(); // gives nothing back
        CHECK(error_of(claim(6)).value == EBUSY);
    }
    tag_budget again(claim(15));
    again = tag_budget();
    CHECK(error_of(claim(15)).value == 0);
}

TEST_CASE("a parent's budget does not count in a forked child")
{
    const tag_budget first(claim(15));
    CHECK(test::in_child([] {
        const tag_budget mine(claim(15));
        const auto error = error_of(claim(1));
        if (error.value != EBUSY)
            std::abort();
    }).exited_well());
    CHECK(error_of(claim(1)).value == EBUSY);
}
