// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../unit/catch.hpp"
#include "../unit/fake_tree.hpp"
#include "verify/finding.hpp"
#include "verify/options.hpp"
#include "verify/slice_order.hpp"
#include "verify/stamp.hpp"
#include "verify/state_file.hpp"

using namespace ngpoll::cli;

namespace {

constexpr std::uint32_t kBytes = 512;
constexpr std::uint64_t kRun = 0x1234567890abcdef;
const expectation kExpected{.lba = 77, .run = kRun, .generation_min = 3, .generation_max = 4};

using block = std::vector<std::byte>;

block stamped(std::uint64_t lba, std::uint32_t generation, std::uint64_t run = kRun)
{
    block made(kBytes);
    stamper(run, kBytes).write(made.data(), lba, generation);
    return made;
}

/// The text of a block's fault; empty if the block is right.
std::string judged(const block& read, const expectation& expected = kExpected)
{
    finding found;
    switch (stamper(kRun, kBytes).read(read.data(), expected, found)) {
    case stamper::verdict::right: return "";
    case stamper::verdict::unstamped: return "unstamped";
    case stamper::verdict::wrong: return text_of(found);
    }
    return "?";
}

written_state some_state()
{
    return {.range = {.drive = "S4 EV:1",
                .run = 9,
                .first_lba = 64,
                .positions = 10,
                .lba_bytes = 512,
                .block_bytes = 4096},
        .generations = std::vector<std::uint32_t>(10, 0),
        .generation_max = 0};
}

void write_state(const std::string& path, const written_state& state)
{
    const state_file written({.path = path}, state);
}

} // namespace

TEST_CASE("a block is right from the last acknowledged generation to the last sent one")
{
    CHECK(judged(stamped(77, 3)).empty());
    CHECK(judged(stamped(77, 4)).empty());
    CHECK(judged(stamped(77, 2)) == "LBA 77: stale: generation 2, instead of 3");
    CHECK(judged(stamped(77, 5)) == "LBA 77: corrupt: generation 5, which was never written");
    CHECK(judged(stamped(78, 3)) == "LBA 77: misplaced: the block of LBA 78, generation 3");
    CHECK(judged(stamped(77, 3, kRun + 1)) == "LBA 77: stale: generation 3, of another run");
    CHECK(judged(block(kBytes)) == "LBA 77: missing: zeroes");
    CHECK(judged(block(kBytes, std::byte{0xab}))
        == "LBA 77: missing: other data, which begin with ab ab ab ab");
}

TEST_CASE("each changed byte is found, whether or not the state is known")
{
    const expectation unknown{.lba = 77};
    for (const unsigned bit : {0U, 7U})
        for (std::size_t at = 0; at < kBytes; ++at) {
            block damaged = stamped(77, 3);
            damaged[at] ^= std::byte{1} << bit;
            CAPTURE(at, bit);
            const std::string text
                = "LBA 77: corrupt: 1 wrong byte, the first at offset " + std::to_string(at);
            CHECK(judged(damaged) == text);
            // Without a state only the block itself holds its generation, so damage there gives
            // another text.
            if (at < 8 || at >= 28)
                CHECK(judged(damaged, unknown) == text);
            else
                CHECK(judged(damaged, unknown).starts_with("LBA 77: corrupt: "));
        }
}

TEST_CASE("a block with parts of two blocks is corrupt")
{
    block torn = stamped(77, 3);
    const block newer = stamped(77, 4);
    const block next = stamped(78, 3);
    std::copy(newer.begin() + 256, newer.end(), torn.begin() + 256);
    CHECK(judged(torn).starts_with("LBA 77: corrupt: "));
    torn = stamped(77, 3);
    std::copy(next.begin() + 256, next.end(), torn.begin() + 256);
    CHECK(judged(torn).starts_with("LBA 77: corrupt: "));
}

TEST_CASE("without a state each intact block at its place is right, and a block may be bare")
{
    const expectation unknown{.lba = 77};
    CHECK(judged(stamped(77, 1, 5), unknown).empty());
    CHECK(judged(stamped(70, 1, 5), unknown)
        == "LBA 77: misplaced: the block of LBA 70, generation 1");
    CHECK(judged(block(kBytes), unknown) == "unstamped");
    CHECK(judged(block(kBytes, std::byte{0xff}), unknown) == "unstamped");
}

TEST_CASE("findings are counted, and equal neighbours are reported as one")
{
    findings all;
    for (const std::uint64_t lba : {12U, 10U, 11U})
        all.add({.what = finding::kind::misplaced,
            .lba = lba,
            .found_lba = lba + 100,
            .found_generation = 2});
    all.add({.what = finding::kind::misplaced, .lba = 13, .found_lba = 200});
    all.add({.what = finding::kind::unreadable, .lba = 20, .blocks = 8, .text = "no"});
    all.add({.what = finding::kind::unreadable, .lba = 28, .blocks = 8, .text = "no"});
    all.add({.what = finding::kind::unreadable, .lba = 40, .blocks = 8, .text = "no"});
    CHECK(all.count(finding::kind::misplaced) == 4);
    CHECK(all.count(finding::kind::unreadable) == 24);
    CHECK(all.total() == 28);
    std::vector<std::string> texts;
    for (const finding& each : all.merged())
        texts.push_back(text_of(each));
    CHECK(texts
        == std::vector<std::string>{
            "LBA 10 to 12: misplaced: the blocks of LBA 110 to 112, generation 2",
            "LBA 13: misplaced: the block of LBA 200", "LBA 20 to 35: unreadable: no",
            "LBA 40 to 47: unreadable: no"});
    for (std::uint64_t i = 0; i < 5000; ++i)
        all.add({.what = finding::kind::stale, .lba = 1000 + 2 * i});
    CHECK(all.count(finding::kind::stale) == 5000);
    CHECK(all.merged().size() <= findings::kKeptMax);
}

TEST_CASE("threads divide a range, and each position comes once")
{
    for (const bool random : {false, true})
        for (const std::uint64_t positions : {1U, 2U, 3U, 7U, 64U, 1000U, 4099U})
            for (const std::uint32_t threads : {1U, 2U, 3U, 8U}) {
                std::set<std::uint64_t> seen;
                std::uint64_t given = 0;
                for (std::uint32_t t = 0; t < threads; ++t) {
                    slice_order order(
                        {.positions = positions, .index = t, .count = threads, .random = random});
                    while (const auto position = order.next()) {
                        seen.insert(*position);
                        ++given;
                    }
                }
                CAPTURE(random, positions, threads);
                CHECK(given == positions);
                CHECK(seen.size() == positions);
                CHECK(*seen.rbegin() == positions - 1);
            }
}

TEST_CASE("a random order is not the sequential order")
{
    slice_order order({.positions = 1000});
    std::uint64_t before = *order.next();
    int neighbours = 0;
    while (const auto position = order.next()) {
        neighbours += *position == before + 1 ? 1 : 0;
        before = *position;
    }
    CHECK(neighbours == 0);
}

TEST_CASE("a state file tells which writes were acknowledged and which may have been sent")
{
    const ngpoll::test::fake_tree folder;
    const std::string path = folder.root() + "/state";
    const bool durable = GENERATE(false, true);
    CHECK_FALSE(state_file::load(path));
    {
        state_file file({.path = path, .durable = durable}, some_state());
        file.begin_generation(1);
        const std::vector<acknowledged_write> writes{{3, 1}, {4, 1}, {9, 1}};
        file.append(writes);
        file.begin_generation(2);
        file.append(std::vector<acknowledged_write>{{4, 2}});
    }
    const auto read = state_file::load(path);
    REQUIRE(read);
    CHECK(read->range == some_state().range);
    CHECK(read->generations == std::vector<std::uint32_t>{0, 0, 0, 1, 2, 0, 0, 0, 0, 1});
    CHECK(read->generation_max == 2);
    // When it is opened again, the file goes on and is no larger than needed.
    {
        state_file file({.path = path, .durable = durable}, *read);
        file.append(std::vector<acknowledged_write>{{0, 3}});
    }
    const auto again = state_file::load(path);
    REQUIRE(again);
    CHECK(again->generations == std::vector<std::uint32_t>{3, 0, 0, 1, 2, 0, 0, 0, 0, 1});
    {
        state_file file({.path = path, .durable = durable}, *again);
        written_state whole = some_state();
        whole.generations.assign(10, 4);
        whole.generation_max = 4;
        const auto before = std::filesystem::file_size(path);
        file.rewrite(whole);
        CHECK(std::filesystem::file_size(path) < before);
        file.append(std::vector<acknowledged_write>{{5, 5}});
    }
    const auto last = state_file::load(path);
    REQUIRE(last);
    CHECK(last->generations == std::vector<std::uint32_t>{4, 4, 4, 4, 4, 5, 4, 4, 4, 4});
    CHECK_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_CASE("a record that was cut off does not count, nor do records after a damaged one")
{
    const ngpoll::test::fake_tree folder;
    const std::string path = folder.root() + "/state";
    {
        state_file file({.path = path}, some_state());
        file.append(std::vector<acknowledged_write>{{1, 1}, {2, 1}, {3, 1}});
    }
    const auto size = std::filesystem::file_size(path);
    for (const std::uintmax_t cut : {1U, 8U, 15U}) {
        std::filesystem::resize_file(path, size - cut);
        CHECK(state_file::load(path)->generations
            == std::vector<std::uint32_t>{0, 1, 1, 0, 0, 0, 0, 0, 0, 0});
    }
    CHECK(state_file::load(path)->bytes_dropped == 1);
    std::filesystem::resize_file(path, size);
    CHECK(state_file::load(path)->bytes_dropped == 16); // the file has grown by zeros
    std::filesystem::resize_file(path, size - 16);
    CHECK(state_file::load(path)->bytes_dropped == 0);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(size - 32))
        .put('\x55');
    const auto damaged = state_file::load(path);
    CHECK(damaged->generations == std::vector<std::uint32_t>{0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(damaged->bytes_dropped == 16);
}

TEST_CASE("a state that is rewritten in parts is equal")
{
    const ngpoll::test::fake_tree folder;
    const std::string path = folder.root() + "/state";
    constexpr std::uint32_t kMany = 200'000; // 3.2 MB of records
    written_state state = some_state();
    state.range.positions = kMany;
    for (std::uint32_t i = 0; i < kMany; ++i)
        state.generations.resize(i + 1, 2 + i % 3);
    state.generation_max = 4;
    write_state(path, state);
    const auto read = state_file::load(path);
    REQUIRE(read);
    CHECK(read->generations == state.generations);
    CHECK(read->generation_max == 4);
    CHECK(read->bytes_dropped == 0);
}

TEST_CASE("a file that is no state is refused")
{
    const ngpoll::test::fake_tree folder;
    for (const std::string text : {"", "short", "a text that is as long as the head of a state"}) {
        std::ofstream(folder.root() + "/other") << text << std::string(text.size() * 10, 'x');
        CHECK_THROWS_AS(state_file::load(folder.root() + "/other"), std::invalid_argument);
    }
    CHECK_THROWS_AS(
        state_file({.path = folder.root() + "/none/state"}, some_state()), std::system_error);
    // A state that cannot be read does not count as absent.
    CHECK_THROWS_AS(state_file::load(folder.root()), std::invalid_argument);
    CHECK_THROWS_AS(state_file::load(folder.root() + "/other/state"), std::invalid_argument);
    std::filesystem::create_symlink("itself", folder.root() + "/itself");
    CHECK_THROWS_AS(state_file::load(folder.root() + "/itself"), std::invalid_argument);
    // More blocks than fit into memory.
    written_state huge = some_state();
    huge.range.positions = UINT64_MAX / 2;
    write_state(folder.root() + "/huge", huge);
    CHECK_THROWS_AS(state_file::load(folder.root() + "/huge"), std::invalid_argument);
    written_state odd = some_state();
    odd.range.block_bytes = 1000;
    write_state(folder.root() + "/odd", odd);
    CHECK_THROWS_AS(state_file::load(folder.root() + "/odd"), std::invalid_argument);
}

TEST_CASE("a run goes on only if it can do the earlier run's I/Os again")
{
    ngpoll::namespace_info drive;
    drive.path = "/dev/ng0n1";
    drive.serial = "S4 EV";
    drive.nsid = 1;
    drive.lba_bytes = 512;
    drive.capacity_blocks = 1000;
    const verify_options write;
    verify_options read;
    read.check = true;
    CHECK(range_of(write, drive, some_state()) == some_state().range);
    const auto refused = [&drive](const verify_options& options, const written_state& before) {
        CHECK_THROWS_AS(range_of(options, drive, before), std::invalid_argument);
    };
    drive.transfer_bytes_max = 2048;
    refused(read, some_state());
    drive.transfer_bytes_max = 4096;
    drive.capacity_blocks = 64 + 80 - 1;
    refused(read, some_state());
    drive.capacity_blocks = 1000;
    written_state used_up = some_state();
    used_up.generation_max = UINT32_MAX;
    refused(write, used_up);
    CHECK(range_of(read, drive, used_up) == used_up.range);
    drive.serial = "S4 EW";
    refused(read, some_state());
}

TEST_CASE("one I/O is at most as long as a command's length field allows")
{
    ngpoll::namespace_info drive;
    drive.lba_bytes = 65536;
    drive.capacity_blocks = 1U << 20U;
    verify_options options;
    options.block_bytes = std::uint64_t{1} << 32U;
    CHECK_THROWS_AS(range_of(options, drive, std::nullopt), std::invalid_argument);
    options.block_bytes = *options.block_bytes - 65536;
    CHECK(range_of(options, drive, std::nullopt).block_bytes == *options.block_bytes);
}

TEST_CASE("several threads append at the same time, and no record is lost")
{
    const ngpoll::test::fake_tree folder;
    const std::string path = folder.root() + "/state";
    constexpr std::uint32_t kThreads = 4;
    constexpr std::uint32_t kEach = 200;
    written_state state = some_state();
    state.range.positions = kThreads * kEach;
    state.generations.assign(state.range.positions, 0);
    {
        state_file file({.path = path, .durable = true}, state);
        std::vector<std::thread> threads;
        for (std::uint32_t t = 0; t < kThreads; ++t)
            threads.emplace_back([&file, t] {
                for (std::uint32_t i = 0; i < kEach; i += 2)
                    file.append(std::vector<acknowledged_write>{
                        {t * kEach + i, i + 1}, {t * kEach + i + 1, i + 2}});
            });
        for (std::thread& each : threads)
            each.join();
    }
    const auto read = state_file::load(path);
    REQUIRE(read);
    for (std::uint32_t position = 0; position < kThreads * kEach; ++position)
        REQUIRE(read->generations[position] == position % kEach + 1);
}
