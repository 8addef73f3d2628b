// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;

namespace {

constexpr std::uint32_t kBlocksMax = 12;

/// A command in flight and the status and data that it must end with.
struct operation : test::counted_request {
    bool in_flight = false;
    bool writes = false;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    ngpoll::status expected;
    std::vector<std::byte> data;
    std::vector<std::byte> expected_data;
};

/// Compares an emulated drive with a plain array of bytes. It makes no command that overlaps with a
/// write in flight, because such commands have no order.
class model_run {
public:
    model_run(test::chance& with, std::uint32_t lba, std::uint32_t depth, const char* latency)
        : random_(with)
        , lba_(lba)
        , unreadable_first_(kBlocks / 2)
        , drive_("emu:size=" + std::to_string(kBlocks * lba) + ",lba=" + std::to_string(lba)
                  + ",unreadable=" + std::to_string(kBlocks / 2) + "-"
                  + std::to_string(kBlocks / 2 + 2) + ",latency=" + latency,
              {.depth = depth})
        , ring_(drive_.queue, {.depth = depth})
        , operations_(depth)
        , bytes_(kBlocks * lba)
    {
    }

    void step()
    {
        operation& next = operations_[random_.below(operations_.size())];
        if (next.in_flight || !prepare(next) || random_.one_in(4)) {
            ring_.poll();
            check_finished();
            return;
        }
        next.in_flight = true;
        next.finished = 0;
        REQUIRE(ring_.submit(next));
        apply(next);
    }

    void finish()
    {
        test::poll_until(ring_, [&] { return ring_.outstanding() == 0; });
        check_finished();
        for (const operation& each : operations_)
            REQUIRE_FALSE(each.in_flight);
    }

private:
    static constexpr std::uint64_t kBlocks = 512;

    /// Chooses a command. Returns false if a command in flight forbids it.
    bool prepare(operation& next)
    {
        next.writes = random_.one_in(2);
        next.first = random_.below(kBlocks + 2);
        const auto blocks = static_cast<std::uint32_t>(1 + random_.below(kBlocksMax));
        next.end = next.first + blocks;
        for (const operation& other : operations_)
            if (other.in_flight && (other.writes || next.writes) && other.first < next.end
                && next.first < other.end)
                return false;
        next.cmd = next.writes ? write_command(1, next.first, blocks)
                               : read_command(1, next.first, blocks);
        next.data = test::pattern(std::size_t{blocks} * lba_, random_.below(1000));
        next.set_buffer(
            {.data = next.data.data(), .size_bytes = static_cast<std::uint32_t>(next.data.size())});
        return true;
    }

    /// Does to the array what the drive must do.
    void apply(operation& next)
    {
        next.expected = {};
        next.expected_data = next.data;
        if (next.end > kBlocks) {
            next.expected.nvme_status = 0x4080;
            return;
        }
        const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(next.first * lba_);
        const auto to = bytes_.begin() + static_cast<std::ptrdiff_t>(next.end * lba_);
        if (next.writes)
            std::copy(next.data.begin(), next.data.end(), from);
        else if (next.first <= unreadable_first_ + 2 && next.end > unreadable_first_)
            next.expected.nvme_status = 0x0281;
        else
            next.expected_data.assign(from, to);
    }

    void check_finished()
    {
        for (operation& each : operations_) {
            if (!each.in_flight || each.finished == 0)
                continue;
            CAPTURE(each.writes, each.first, each.end);
            REQUIRE(each.finished == 1);
            REQUIRE(each.status == each.expected);
            REQUIRE((each.data == each.expected_data));
            each.in_flight = false;
        }
    }

    test::chance& random_;
    std::uint32_t lba_;
    std::uint64_t unreadable_first_;
    test::drive drive_;
    ring ring_;
    std::vector<operation> operations_;
    std::vector<std::byte> bytes_;
};

} // namespace

TEST_CASE("random reads and writes of an emulated drive agree with an array of bytes")
{
    const std::uint32_t lba = GENERATE(512U, 4096U);
    const std::uint32_t depth = GENERATE(1U, 3U, 16U);
    const char* latency = GENERATE("0", "2us");
    CAPTURE(lba, depth, latency);
    test::chance random("emulated drive against an array");
    CAPTURE(random.seed());
    model_run both(random, lba, depth, latency);
    for (auto left = test::rounds("emulated drive against an array", 2000); left != 0; --left)
        both.step();
    both.finish();
}
