// SPDX-License-Identifier: MIT
// Tests phases of verify on an emulated drive. The tests change blocks between the phases.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "verify/phase.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;

namespace {

constexpr std::uint32_t kLbaBytes = 512;
constexpr std::uint32_t kBlocks = 8; ///< of one I/O
constexpr std::uint64_t kFirst = 16; ///< an LBA
constexpr std::uint64_t kPositions = 101;

class verified_drive {
public:
    explicit verified_drive(std::uint32_t threads, const std::string& path = "emu:size=1M")
        : drive_(nvme_namespace::open(path, {.writable = true}))
        , threads_(threads)
    {
        queues_.push_back(std::make_unique<poll_queue>(
            drive_, poll_queue::options{.depth = 16 * threads + 1, .rings_max = threads + 1}));
        layout_.seats.resize(threads);
        state_.range = {.drive = "EMU0:1",
            .run = 7,
            .first_lba = kFirst,
            .positions = kPositions,
            .lba_bytes = kLbaBytes,
            .block_bytes = kBlocks * kLbaBytes};
        state_.generations.assign(kPositions, 0);
    }

    phase_result write(std::uint32_t generation)
    {
        state_.generation_max = generation;
        return run(generation, true);
    }
    phase_result read(bool is_state_known = true) { return run(0, is_state_known); }
    /// A phase that ends at its first look at the clock.
    phase_result write_shortly(std::uint32_t generation)
    {
        state_.generation_max = generation;
        ends_ = true;
        return run(generation, true);
    }

    using block = std::vector<std::byte>;
    block get(std::uint64_t lba) { return transfer(lba, nullptr); }
    void put(std::uint64_t lba, const block& data) { transfer(lba, &data); }

    /// The findings, one text each.
    [[nodiscard]] std::vector<std::string> found() const
    {
        std::vector<std::string> texts;
        for (const finding& each : found_->merged())
            texts.push_back(text_of(each));
        return texts;
    }
    [[nodiscard]] std::uint64_t total() const { return found_->total(); }
    void clear_findings() { found_ = std::make_unique<findings>(); }
    written_state& state() { return state_; }

private:
    phase_result run(std::uint32_t generation, bool is_state_known)
    {
        verify_phase phase{.device = drive_.info(),
            .range = state_.range,
            .generation = generation,
            .is_state_known = is_state_known,
            .threads = threads_,
            .depth = 16,
            .state = state_,
            .found = *found_};
        return run_phase(phase, queues_, layout_,
            {.tell = [](std::uint64_t, double) {},
                .is_over = [this](double) { return ends_; },
                .tell_waiting = [](double) {}});
    }
    block transfer(std::uint64_t lba, const block* data)
    {
        poll_queue& queue = *queues_.front();
        buffer_pool buffers(queue, {.count = 1, .buffer_bytes = kLbaBytes});
        if (data != nullptr)
            std::copy(data->begin(), data->end(), buffers.at(0).data);
        request r;
        ring own(queue, {.depth = 1});
        r.cmd = data != nullptr ? write_command(1, lba, 1) : read_command(1, lba, 1);
        r.set_buffer(buffers.at(0));
        REQUIRE(own.submit(r));
        REQUIRE(own.wait(1) == 1);
        REQUIRE(r.status.ok());
        return {buffers.at(0).data, buffers.at(0).data + kLbaBytes};
    }

    nvme_namespace drive_;
    std::uint32_t threads_;
    poll_queues queues_;
    placement layout_;
    written_state state_;
    std::unique_ptr<findings> found_ = std::make_unique<findings>();
    bool ends_ = false;
};

} // namespace

TEST_CASE("any number of threads reads back what was written")
{
    for (const std::uint32_t threads : {1U, 3U, 8U}) {
        verified_drive drive(threads);
        for (const std::uint32_t generation : {1U, 2U}) {
            const phase_result wrote = drive.write(generation);
            CHECK(wrote.done == kPositions);
            CHECK(wrote.whole);
            const phase_result read = drive.read();
            CHECK(read.done == kPositions);
            CHECK(read.whole);
        }
        CHECK(drive.total() == 0);
        CHECK(drive.state().generations == std::vector<std::uint32_t>(kPositions, 2));
        // The blocks next to the range stay unchanged.
        CHECK(drive.get(kFirst - 1) == verified_drive::block(kLbaBytes));
        CHECK(drive.get(kFirst + kPositions * kBlocks) == verified_drive::block(kLbaBytes));
    }
}

TEST_CASE("misplaced, stale and corrupt blocks are named with their LBA")
{
    verified_drive drive(2);
    static_cast<void>(drive.write(1));
    const auto old = drive.get(kFirst + 100);
    static_cast<void>(drive.write(2));
    const auto here = drive.get(200);
    drive.put(kFirst + 100, old);
    auto damaged = drive.get(50);
    damaged[300] ^= std::byte{4};
    drive.put(50, damaged);
    drive.put(201, here);
    drive.put(kFirst + kPositions * kBlocks - 1, verified_drive::block(kLbaBytes));
    static_cast<void>(drive.read());
    const std::string last = std::to_string(kFirst + kPositions * kBlocks - 1);
    CHECK(drive.found()
        == std::vector<std::string>{"LBA 50: corrupt: 1 wrong byte, the first at offset 300",
            "LBA 116: stale: generation 1, instead of 2",
            "LBA 201: misplaced: the block of LBA 200, generation 2",
            "LBA " + last + ": missing: zeroes"});
    // Without a state each intact block at its place is right, and an empty block is allowed.
    drive.clear_findings();
    const phase_result read = drive.read(false);
    CHECK(read.unstamped == 1);
    CHECK(drive.found()
        == std::vector<std::string>{"LBA 50: corrupt: 1 wrong byte, the first at offset 300",
            "LBA 201: misplaced: the block of LBA 200, generation 2"});
}

TEST_CASE("a write that was never acknowledged may be there or not, but nothing older")
{
    verified_drive drive(1);
    static_cast<void>(drive.write(1));
    const auto first = drive.get(kFirst);
    static_cast<void>(drive.write(2));
    const auto second = drive.get(kFirst);
    // As after a kill: the second write of position 0 was sent but not acknowledged.
    drive.state().generations[0] = 1;
    static_cast<void>(drive.read());
    CHECK(drive.total() == 0);
    drive.put(kFirst, first);
    static_cast<void>(drive.read());
    CHECK(drive.total() == 0);
    drive.state().generations[0] = 2;
    static_cast<void>(drive.read());
    CHECK(drive.found() == std::vector<std::string>{"LBA 16: stale: generation 1, instead of 2"});
}

TEST_CASE("positions without an acknowledged write are not read")
{
    verified_drive drive(2);
    drive.state().generations[5] = 1; // the drive is empty
    const phase_result read = drive.read();
    CHECK(read.done == 1);
    CHECK(drive.found() == std::vector<std::string>{"LBA 56 to 63: missing: zeroes"});
}

TEST_CASE("unreadable blocks are named, and the other blocks are read")
{
    verified_drive drive(2, "emu:size=1M,unreadable=40-41");
    static_cast<void>(drive.write(1));
    CHECK(drive.total() == 0);
    const phase_result read = drive.read();
    CHECK(read.done == kPositions);
    CHECK(read.wrong == 1);
    REQUIRE(drive.found().size() == 1);
    CHECK(drive.found().front().starts_with("LBA 40 to 47: unreadable: "));
    CHECK(drive.total() == kBlocks);
}

TEST_CASE("a stopped phase counts exactly its acknowledged writes")
{
    verified_drive drive(2, "emu:size=1M,latency=60ms");
    const phase_result wrote = drive.write_shortly(1);
    CHECK_FALSE(wrote.whole);
    CHECK(wrote.done < kPositions);
    const auto& generations = drive.state().generations;
    CHECK(static_cast<std::uint64_t>(std::count(generations.begin(), generations.end(), 1U))
        == wrote.done);
}
