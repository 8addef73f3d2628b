// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;
using test::drive;
using test::pattern;
using test::run;

namespace {

constexpr status kSuccess;

status answer(std::uint16_t nvme_status) { return {.nvme_status = nvme_status}; }

} // namespace

// Comparisons of data are in parentheses, else Catch2 prints a megabyte, which takes minutes.
TEST_CASE("a read returns what was written, for every block size and across pages")
{
    const std::uint32_t lba = GENERATE(512U, 1024U, 4096U, 65536U);
    CAPTURE(lba);
    drive emulated("emu:size=4M,lba=" + std::to_string(lba));
    ring own(emulated.queue);
    const std::uint64_t last = emulated.device.info().capacity_blocks - 1;
    struct place {
        std::uint64_t slba;
        std::uint32_t blocks;
    };
    // One block, several blocks that cross pages at an odd offset, and the last blocks of the
    // drive.
    const place places[] = {{0, 1}, {0, 2}, {7, 7}, {last, 1}, {last - 4, 5}, {3, 8}};
    std::uint64_t salt = 0;
    for (const place& at : places) {
        CAPTURE(at.slba, at.blocks);
        const std::vector<std::byte> written = pattern(std::size_t{at.blocks} * lba, ++salt);
        std::vector<std::byte> out = written;
        CHECK(run(own, write_command(1, at.slba, at.blocks), out) == kSuccess);
        CHECK((out == written));
        std::vector<std::byte> in(written.size());
        CHECK(run(own, read_command(1, at.slba, at.blocks), in) == kSuccess);
        CHECK((in == written));
    }
}

TEST_CASE("a write changes its own blocks only, and blocks never written read as zeros")
{
    drive emulated("emu:size=1M");
    ring own(emulated.queue);
    std::vector<std::byte> whole(512 * 1024, std::byte{0xee});
    CHECK(run(own, read_command(1, 0, 1024), whole) == kSuccess);
    std::vector<std::byte> expected(whole.size());
    CHECK((whole == expected));

    std::vector<std::byte> data = pattern(512 * 9, 3);
    CHECK(run(own, write_command(1, 101, 9), data) == kSuccess);
    std::copy(data.begin(), data.end(), expected.begin() + 101 * 512);
    std::fill(whole.begin(), whole.end(), std::byte{0xee});
    CHECK(run(own, read_command(1, 0, 1024), whole) == kSuccess);
    CHECK((whole == expected));
}

TEST_CASE("zeroed and deallocated blocks read as zeros, and other blocks keep their data")
{
    drive emulated("emu:size=1M");
    ring own(emulated.queue);
    std::vector<std::byte> whole = pattern(512 * 512, 5);
    std::vector<std::byte> expected = whole;
    CHECK(run(own, write_command(1, 0, 512), whole) == kSuccess);
    const auto expect_zeros = [&](std::size_t slba, std::size_t blocks) {
        std::fill_n(
            expected.begin() + static_cast<std::ptrdiff_t>(slba * 512), blocks * 512, std::byte{0});
    };

    CHECK(run(own, write_zeroes_command(1, 13, 20)) == kSuccess);
    expect_zeros(13, 20);
    dataset_range ranges[] = {{.blocks = 1, .slba = 100}, {}, {.blocks = 30, .slba = 200}};
    const auto deallocate = [&](std::uint32_t count, std::size_t bytes) {
        return run(own, deallocate_command(1, count), reinterpret_cast<std::byte*>(ranges), bytes);
    };
    CHECK(deallocate(3, sizeof ranges) == kSuccess);
    expect_zeros(100, 1);
    expect_zeros(200, 30);
    CHECK(run(own, read_command(1, 0, 512), whole) == kSuccess);
    CHECK((whole == expected));

    CHECK(run(own, write_zeroes_command(1, 2047, 2)) == answer(0x4080));
    ranges[2] = {.blocks = 2, .slba = 2047};
    CHECK(deallocate(3, sizeof ranges) == answer(0x4080));
    CHECK(deallocate(3, sizeof ranges - 1) == answer(0x400f)); // shorter than the command says
}

TEST_CASE("a flush succeeds")
{
    drive emulated("emu:size=1M");
    ring own(emulated.queue);
    CHECK(run(own, flush_command(1)) == kSuccess);
}

TEST_CASE("blocks beyond the capacity are answered with LBA Out of Range and do-not-retry")
{
    drive emulated("emu:size=1M"); // 2048 blocks
    ring own(emulated.queue);
    std::vector<std::byte> one(512);
    std::vector<std::byte> two(1024);
    CHECK(run(own, read_command(1, 2047, 1), one) == kSuccess);
    CHECK(run(own, read_command(1, 2048, 1), one) == answer(0x4080));
    CHECK(run(own, read_command(1, 2047, 2), two) == answer(0x4080));
    CHECK(run(own, write_command(1, 2048, 1), one) == answer(0x4080));
    CHECK(run(own, write_command(1, 2047, 2), two) == answer(0x4080));
    CHECK(run(own, read_command(1, UINT64_MAX, 1), one) == answer(0x4080));
    CHECK(run(own, read_command(1, UINT64_MAX, 2), two) == answer(0x4080));
}

TEST_CASE("a command that the drive does not know ends with the status in the specification")
{
    drive emulated("emu:size=4M");
    ring own(emulated.queue);
    std::vector<std::byte> data(512);

    command odd = read_command(1, 0, 1);
    odd.opcode = static_cast<opcode>(0x7f);
    CHECK(run(own, odd, data) == answer(0x4001));

    CHECK(run(own, read_command(2, 0, 1), data) == answer(0x400b));
    CHECK(run(own, read_command(0, 0, 1), data) == answer(0x400b));

    command fused = read_command(1, 0, 1);
    fused.flags = 1;
    CHECK(run(own, fused, data) == answer(0x4002));

    command with_metadata = read_command(1, 0, 1);
    with_metadata.metadata = 0x1000;
    CHECK(run(own, with_metadata, data) == answer(0x4002));

    std::vector<std::byte> too_much(512 * 1025); // longer than the longest transfer
    CHECK(run(own, read_command(1, 0, 1025), too_much) == answer(0x4002));
}

TEST_CASE("a command is refused if its data is not as long as its blocks")
{
    drive emulated("emu:size=4M");
    ring own(emulated.queue);
    const std::vector<std::byte> before = pattern(1024, 9);
    std::vector<std::byte> data = before;
    CHECK(run(own, read_command(1, 0, 1), data) == answer(0x400f));
    CHECK(run(own, read_command(1, 0, 3), data) == answer(0x400f));
    CHECK(run(own, write_command(1, 0, 1), data) == answer(0x400f));
    CHECK(run(own, read_command(1, 0, 1)) == answer(0x400f));
    CHECK(data == before);
}

TEST_CASE("reads that touch unreadable blocks fail; reads beside them and writes succeed")
{
    drive emulated("emu:size=1M,unreadable=10-12");
    ring own(emulated.queue);
    const auto read = [&](std::uint64_t slba, std::uint32_t blocks) {
        std::vector<std::byte> data(512 * std::size_t{blocks});
        return run(own, read_command(1, slba, blocks), data);
    };
    CHECK(read(9, 1) == kSuccess);
    CHECK(read(8, 2) == kSuccess);
    CHECK(read(13, 4) == kSuccess);
    CHECK(read(10, 1) == answer(0x0281));
    CHECK(read(12, 1) == answer(0x0281));
    CHECK(read(9, 2) == answer(0x0281));
    CHECK(read(12, 2) == answer(0x0281));
    CHECK(read(0, 100) == answer(0x0281));
    std::vector<std::byte> data(512);
    CHECK(run(own, write_command(1, 11, 1), data) == kSuccess);
}

TEST_CASE("without unreadable blocks every read succeeds")
{
    drive emulated("emu:size=1M");
    ring own(emulated.queue);
    for (std::uint32_t blocks = 1; blocks <= 16; ++blocks) {
        CAPTURE(blocks);
        std::vector<std::byte> data(512 * std::size_t{blocks});
        CHECK(run(own, read_command(1, 0, blocks), data) == kSuccess);
        CHECK(run(own, read_command(1, 1, blocks), data) == kSuccess);
    }
}

TEST_CASE("a completion appears no sooner than the latency")
{
    drive emulated("emu:size=1M,latency=3ms");
    ring own(emulated.queue);
    std::vector<std::byte> data(512);
    for (int again = 0; again < 3; ++again) {
        const auto start = std::chrono::steady_clock::now();
        CHECK(run(own, read_command(1, 0, 1), data) == kSuccess);
        CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(3));
    }
}

TEST_CASE("commands of different latencies overtake each other, and none completes too soon")
{
    drive emulated("emu:size=1M,latency=1ms-4ms", {.depth = 64});
    ring own(emulated.queue, {.depth = 64});
    const test::watchdog dog(own);
    static std::vector<const request*> order;
    order.clear();
    std::vector<test::counted_request> requests(64);
    const auto start = std::chrono::steady_clock::now();
    for (test::counted_request& r : requests) {
        r.cmd = flush_command(1);
        r.on_complete = [](request& done) noexcept {
            static_cast<test::counted_request&>(done).count();
            order.push_back(&done);
        };
        REQUIRE(own.submit(r));
    }
    CHECK(own.wait(64) == 64);
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(1));
    for (const test::counted_request& r : requests)
        CHECK(r.finished == 1);
    CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("commands of one queue wait for their latency at the same time")
{
    drive emulated("emu:size=1M,latency=100ms");
    ring own(emulated.queue);
    const test::watchdog dog(own);
    std::vector<test::counted_request> requests(64);
    const auto start = std::chrono::steady_clock::now();
    for (auto& r : requests) {
        r.cmd = flush_command(1);
        REQUIRE(own.submit(r));
    }
    CHECK(own.wait(64) == 64);
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(took >= std::chrono::milliseconds(100));
    CHECK(took < std::chrono::milliseconds(64 * 100)); // one after the other they would take longer
}

TEST_CASE("a queue goes round many times without losing a completion's phase")
{
    const std::uint32_t depth = GENERATE(1U, 2U, 3U, 128U);
    const char* latency = GENERATE("0", "1us");
    CAPTURE(depth, latency);
    drive emulated(std::string("emu:size=1M,latency=") + latency, {.depth = depth});
    ring own(emulated.queue, {.depth = depth});
    std::vector<test::counted_request> requests(depth);
    std::vector<std::byte> data(512 * std::size_t{depth});
    for (std::uint32_t i = 0; i < depth; ++i) {
        requests[i].cmd = write_command(1, i, 1);
        requests[i].set_buffer({.data = &data[512 * std::size_t{i}], .size_bytes = 512});
    }
    // Each round uses part of the queue, so that the queue wraps at every place of a batch.
    for (unsigned round = 1; round <= 400; ++round) {
        const std::uint32_t count = 1 + round % depth;
        for (std::uint32_t i = 0; i < count; ++i) {
            requests[i].finished = 0;
            REQUIRE(own.submit(requests[i]));
        }
        test::poll_until(own, [&] { return own.outstanding() == 0; });
        for (std::uint32_t i = 0; i < count; ++i) {
            REQUIRE(requests[i].finished == 1);
            REQUIRE(requests[i].status.ok());
        }
    }
}

TEST_CASE("an emulated drive lends each of its queue pairs once, and again when it is returned")
{
    const nvme_namespace device = nvme_namespace::open("emu:size=1M,queues=2");
    poll_queue first(device);
    auto second = std::make_unique<poll_queue>(device);
    const auto error = test::error_of([&] { poll_queue third(device); });
    CHECK(error.value == EBUSY);
    CHECK(error.says("queues="));
    second.reset();
    second = std::make_unique<poll_queue>(device);
    CHECK(test::error_of([&] { poll_queue third(device); }).value == EBUSY);
}

TEST_CASE("all queue pairs of an emulated drive see the same data")
{
    nvme_namespace device = nvme_namespace::open("emu:size=1M,queues=2");
    poll_queue first(device);
    poll_queue second(device);
    device = nvme_namespace::open("emu:size=1M"); // the queues keep their drive open
    ring writer(first);
    ring reader(second);
    std::vector<std::byte> data = pattern(4096, 1);
    CHECK(run(writer, write_command(1, 5, 8), data) == kSuccess);
    std::vector<std::byte> found(data.size());
    CHECK(run(reader, read_command(1, 5, 8), found) == kSuccess);
    CHECK(found == data);
}
