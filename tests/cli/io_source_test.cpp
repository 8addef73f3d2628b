// SPDX-License-Identifier: MIT
#include "bench/io_source.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;

namespace {

constexpr std::uint32_t kBlock = 512;

/// An emulated drive of 256 blocks, with a source that uses blocks 32 to 95, two at a time.
struct bed {
    nvme_namespace drive = nvme_namespace::open("emu:size=128K");
    poll_queue queue{drive};
    bench_options options;
    bench_geometry geometry{
        .blocks_per_io = 2, .transfer_bytes = 2 * kBlock, .first_slba = 32, .positions = 32};
    std::vector<request> requests = std::vector<request>(8);

    explicit bed(const char* rw) { options.rw = access_pattern::parse("--rw", rw); }

    [[nodiscard]] io_source source(std::uint64_t seed)
    {
        return io_source({.device = drive.info(),
            .options = options,
            .geometry = geometry,
            .index = 0,
            .sources = 1,
            .seed = seed});
    }
    [[nodiscard]] buffer_pool buffers()
    {
        return buffer_pool(queue,
            {.count = 8 * io_source::buffers_per_request(options), .buffer_bytes = 2 * kBlock});
    }

    /// Sends each request `rounds` times, each time with its next I/O. Calls `look` before each
    /// submission.
    void run(
        io_source& from, const buffer_pool& pool, int rounds,
        const std::function<void(const request&)>& look = [](const request&) {})
    {
        ring sending(queue, {.depth = 8});
        from.prepare(requests, pool);
        for (int round = 0; round < rounds; ++round)
            for (request& r : requests) {
                look(r);
                REQUIRE(sending.submit(r));
                REQUIRE(sending.wait(1) == 1);
                REQUIRE(r.status.ok());
                switch (from.kind()) {
                case io_kind::random_reads: from.next<io_kind::random_reads>(r); break;
                case io_kind::sequential_reads: from.next<io_kind::sequential_reads>(r); break;
                case io_kind::any: from.next<io_kind::any>(r); break;
                }
            }
    }

    /// The content of the drive, block by block.
    [[nodiscard]] std::vector<std::string> content()
    {
        std::vector<std::string> blocks;
        const buffer_pool pool(queue, {.count = 1, .buffer_bytes = kBlock});
        ring reading(queue, {.depth = 1});
        for (std::uint64_t lba = 0; lba < 256; ++lba) {
            request read;
            read.cmd = read_command(drive.info().nsid, lba, 1);
            read.set_buffer(pool.at(0));
            REQUIRE(reading.submit(read));
            REQUIRE(reading.wait(1) == 1);
            REQUIRE(read.status.ok());
            blocks.emplace_back(reinterpret_cast<const char*>(pool.at(0).data), kBlock);
        }
        return blocks;
    }
};

const std::string kZeros(kBlock, '\0');

/// True if exactly the blocks of the range are not zero.
bool only_range_written(const std::vector<std::string>& blocks)
{
    for (std::size_t lba = 0; lba < blocks.size(); ++lba)
        if ((blocks[lba] != kZeros) != (lba >= 32 && lba < 96))
            return false;
    return true;
}

} // namespace

TEST_CASE("each kind of I/O stays within its range and reaches all of it")
{
    const char* rw
        = GENERATE("read", "randread", "write", "randwrite", "rw", "randrw", "write_zeroes");
    test::chance chance("I/O in a range");
    bed on(rw);
    on.options.law.zipf_theta = GENERATE(0.0, 0.5);
    io_source from = on.source(chance.seed());
    const buffer_pool pool = on.buffers();
    std::set<std::uint64_t> begins;
    on.run(from, pool, 200, [&](const request& r) {
        REQUIRE(r.cmd.slba >= 32);
        REQUIRE(r.cmd.slba <= 94);
        REQUIRE(r.cmd.slba % 2 == 0);
        REQUIRE((r.cmd.cdw12 & 0xffffU) == 1);
        begins.insert(r.cmd.slba);
    });
    CAPTURE(rw);
    CHECK(begins.size() == 32);
}

TEST_CASE("sequential I/O goes from place to place, and starts again at the end")
{
    bed on(GENERATE("read", "write", "rw"));
    io_source from = on.source(1);
    const buffer_pool pool = on.buffers();
    std::vector<std::uint64_t> order;
    // The eight requests get the first places in order. Then each request takes the next place.
    on.run(from, pool, 6, [&](const request& r) { order.push_back(r.cmd.slba); });
    for (std::size_t i = 0; i < order.size(); ++i)
        CHECK(order[i] == 32 + 2 * (i % 32));
}

TEST_CASE("sequential threads start at different places")
{
    bed on("read");
    std::vector<std::uint64_t> starts;
    for (std::uint32_t index = 0; index < 4; ++index) {
        io_source from({.device = on.drive.info(),
            .options = on.options,
            .geometry = on.geometry,
            .index = index,
            .sources = 4,
            .seed = 1});
        request r;
        from.next<io_kind::sequential_reads>(r);
        starts.push_back(r.cmd.slba);
    }
    CHECK(starts == std::vector<std::uint64_t>{32, 48, 64, 80});
}

TEST_CASE("writes carry data that is not zero and that changes")
{
    test::chance chance("data of writes");
    bed on(GENERATE("write", "randwrite"));
    io_source from = on.source(chance.seed());
    const buffer_pool pool = on.buffers();
    on.run(from, pool, 100);
    const auto first = on.content();
    CHECK(only_range_written(first));
    CHECK(std::set<std::string>(first.begin() + 32, first.begin() + 96).size() == 64);
    on.run(from, pool, 100);
    const auto second = on.content();
    CHECK(only_range_written(second));
    for (std::size_t lba = 32; lba < 96; ++lba)
        CHECK(first[lba] != second[lba]);
}

TEST_CASE("a mix has its share of reads, and reads leave the data of writes alone")
{
    test::chance chance("a mix");
    const std::uint32_t percent = GENERATE(0U, 30U, 100U);
    bed on("randrw");
    on.options.reads_percent = percent;
    io_source from = on.source(chance.seed());
    const buffer_pool pool = on.buffers();
    int reads = 0;
    const auto buffers_are_apart = [&](const request& r) {
        reads += r.cmd.opcode == opcode::read ? 1 : 0;
        const auto index = static_cast<std::uint32_t>(&r - on.requests.data());
        const buffer expected = pool.at(2 * index + (r.cmd.opcode == opcode::read ? 0 : 1));
        REQUIRE(r.cmd.data == reinterpret_cast<std::uintptr_t>(expected.data));
    };
    on.run(from, pool, 500, buffers_are_apart);
    CAPTURE(percent, reads);
    // 4,000 are drawn, so five standard deviations are at most 145.
    CHECK(std::abs(reads - 40 * static_cast<int>(percent)) <= (percent % 100 == 0 ? 0 : 145));
    CHECK(only_range_written(on.content()) == (percent != 100));
}

TEST_CASE("trims and zeroings remove what was written")
{
    test::chance chance("trims");
    const char* rw = GENERATE("trim", "randtrim", "write_zeroes");
    bed on("write");
    {
        io_source from = on.source(chance.seed());
        const buffer_pool pool = on.buffers();
        on.run(from, pool, 8);
    }
    REQUIRE(only_range_written(on.content()));
    on.options.rw = access_pattern::parse("--rw", rw);
    io_source from = on.source(chance.seed());
    const buffer_pool pool = on.buffers();
    on.run(from, pool, 100, [&](const request& r) {
        const bool trims = std::string(rw) != "write_zeroes";
        REQUIRE(r.cmd.opcode == (trims ? opcode::dataset_management : opcode::write_zeroes));
        REQUIRE(r.cmd.data_bytes == (trims ? sizeof(dataset_range) : 0));
    });
    const auto left = on.content();
    CAPTURE(rw);
    CHECK(std::all_of(left.begin(), left.end(), [](const std::string& b) { return b == kZeros; }));
}

TEST_CASE("with Zipf's law a few positions come often")
{
    bed on("randread");
    on.options.law.zipf_theta = 1.5;
    io_source from = on.source(7);
    CHECK(from.kind() == io_kind::any);
    const buffer_pool pool = on.buffers();
    std::map<std::uint64_t, int> seen;
    on.run(from, pool, 500, [&](const request& r) { ++seen[r.cmd.slba]; });
    int most = 0;
    for (const auto& [slba, times] : seen)
        most = std::max(most, times);
    // The first of 32 ranks has a share of 1 / sum(k^-1.5) = 0.441. With 4,000 draws, five standard
    // deviations are 157.
    CHECK(std::abs(most - 1764) < 157);
}
