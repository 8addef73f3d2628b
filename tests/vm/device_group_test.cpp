// SPDX-License-Identifier: MIT
//
// Tests a fetch group on a poll queue of a real drive. Other threads submit reads, and workers take
// them a batch at a time. The test counts each read and checks its data block by block.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"

using namespace ngpoll;
using std::chrono::microseconds;

namespace {

constexpr unsigned kWorkers = 4;
constexpr unsigned kSubmitters = 3;
constexpr unsigned kReadsEach = 32;
constexpr std::uint32_t kDepth = 64; ///< less than the number of reads
constexpr std::uint32_t kBlocks = 2048; ///< numbered blocks at the start of the drive
constexpr std::uint32_t kBlocksMax = 8; ///< in one read

void bump(std::atomic<std::uint64_t>& counter) noexcept
{
    counter.fetch_add(1, std::memory_order_relaxed); // relaxed: a figure, read after join
}

struct numbered_read : request {
    buffer target;
    std::uint32_t blocks = 0;
    std::atomic<bool> is_home{true}; ///< its submitter may submit it again
    // Changed by the thread that has the read. Atomic in case a read comes twice.
    std::atomic<std::uint64_t> accepted{0}, given_out{0};
};

struct pool {
    fetch_group& group;
    const namespace_info& info;
    std::atomic<bool> over{false}, closing{false};
    std::atomic<std::uint64_t> accepted{0}, given_out{0}, batches{0}, cancelled{0};
    std::atomic<std::uint64_t> not_once{0}, failed{0}, wrong_data{0}, empty{0};

    bool submit(numbered_read& r, test::chance& random) noexcept
    {
        r.blocks = static_cast<std::uint32_t>(1 + random.below(kBlocksMax));
        const std::uint64_t slba = random.below(kBlocks - r.blocks + 1);
        r.set_buffer(r.target);
        r.cmd = read_command(info.nsid, slba, r.blocks);
        r.cmd.data = reinterpret_cast<std::uintptr_t>(r.target.data);
        r.cmd.data_bytes = r.blocks * info.block_bytes();
        for (std::uint32_t i = 0; i < r.blocks; ++i) // not the number of a block
            std::memset(r.target.data + std::size_t{i} * info.block_bytes(), 0xff, 8);
        r.accepted.fetch_add(1); // before submit(), because a worker may take it at once
        if (group.submit(r)) {
            bump(accepted);
            return true;
        }
        r.accepted.fetch_sub(1);
        r.is_home.store(true);
        return false;
    }

    void take(numbered_read& r, test::chance& random) noexcept
    {
        bump(given_out);
        if (r.given_out.fetch_add(1) + 1 != r.accepted.load())
            bump(not_once);
        if (r.status.errno_value == ECANCELED && closing) {
            bump(cancelled);
        } else if (!r.status.ok()) {
            bump(failed);
        } else {
            for (std::uint32_t i = 0; i < r.blocks; ++i) {
                std::uint64_t found = 0;
                std::memcpy(&found, r.target.data + std::size_t{i} * info.block_bytes(), 8);
                if (found != r.cmd.slba + i)
                    bump(wrong_data);
            }
        }
        // This worker submits most reads again at once.
        if (over || random.one_in(8))
            r.is_home.store(true);
        else
            submit(r, random);
    }

    void works(std::uint64_t seed)
    {
        test::chance random(seed, 1);
        fetch own(group, {.batch_max = 16});
        for (;;) {
            const auto batch = own.next();
            if (batch.empty())
                break;
            bump(batches);
            for (request* const r : batch)
                take(static_cast<numbered_read&>(*r), random);
            if (random.one_in(200))
                std::this_thread::sleep_for(microseconds(random.below(3000)));
        }
        if (!own.has_ended())
            bump(empty);
    }

    void submits(std::vector<numbered_read>& reads, std::uint64_t seed)
    {
        test::chance random(seed, 2);
        while (!over) {
            for (numbered_read& r : reads)
                if (r.is_home.exchange(false))
                    submit(r, random);
            std::this_thread::sleep_for(microseconds(50 + random.below(100)));
        }
    }
};

void print(const pool& seen)
{
    const auto of = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<unsigned long long>(counter.load());
    };
    std::printf("device group: %llu reads accepted, %llu given out in %llu batches, %llu of them "
                "unsent; not once %llu, failed %llu, wrong data %llu, empty %llu\n",
        of(seen.accepted), of(seen.given_out), of(seen.batches), of(seen.cancelled),
        of(seen.not_once), of(seen.failed), of(seen.wrong_data), of(seen.empty));
}

/// Uses its own queue, which is closed on return.
void number_blocks(const std::string& path)
{
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(path, {.writable = true});
    const std::uint32_t at_once = 64;
    const std::size_t block = device.info().block_bytes();
    poll_queue queue(device);
    buffer_pool buffers(
        queue, {.count = 1, .buffer_bytes = static_cast<std::uint32_t>(at_once * block)});
    ring own(queue);
    request r;
    r.set_buffer(buffers.at(0));
    for (std::uint64_t slba = 0; slba < kBlocks; slba += at_once) {
        for (std::uint64_t i = 0; i < at_once; ++i) {
            const std::uint64_t number = slba + i;
            std::memcpy(buffers.at(0).data + i * block, &number, sizeof number);
        }
        r.cmd = write_command(device.info().nsid, slba, at_once);
        r.set_buffer(buffers.at(0));
        REQUIRE(own.submit(r));
        REQUIRE(own.wait(1) == 1);
        REQUIRE(r.status.text() == "success");
    }
}

} // namespace

TEST_CASE("a pool of workers gets each read of a drive once, with the right data")
{
    struct way {
        poll_mode mode;
        role_policy role;
    };
    // On Linux 6.1 a resident polls in both cases that poll.
    const auto by = GENERATE(way{poll_mode::polled, role_policy::waiter},
        way{poll_mode::polled, role_policy::resident},
        way{poll_mode::interrupt, role_policy::automatic});
    if (!test::may_write())
        FAIL("the data cannot be checked: NGPOLL_TEST_WRITE=1 allows the drive to be overwritten");
    static bool numbered = false;
    if (!std::exchange(numbered, true))
        number_blocks(test::device_path());
    const test::chance seed("device group");
    CAPTURE(to_string(by.mode), to_string(by.role), seed.seed());
    const std::chrono::seconds length(test::rounds("device group, seconds", 1));
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(test::device_path());
    poll_queue queue(device, {.depth = 128, .rings_max = 2, .mode = by.mode, .role = by.role});
    REQUIRE(queue.report().mode == by.mode);
    buffer_pool buffers(queue,
        {.count = kSubmitters * kReadsEach,
            .buffer_bytes = kBlocksMax * device.info().block_bytes()});
    std::vector<std::vector<numbered_read>> reads;
    for (std::uint32_t i = 0; i < kSubmitters; ++i) {
        reads.emplace_back(kReadsEach);
        for (std::uint32_t k = 0; k < kReadsEach; ++k)
            reads[i][k].target = buffers.at(i * kReadsEach + k);
    }
    fetch_group group(queue, {.depth = kDepth});
    pool all{.group = group, .info = device.info()};
    {
        const test::watchdog dog(queue, [&] { print(all); });
        std::vector<std::thread> workers, submitters;
        for (unsigned i = 0; i < kWorkers; ++i)
            workers.emplace_back([&, i] { all.works(seed.seed() + i); });
        for (unsigned i = 0; i < kSubmitters; ++i)
            submitters.emplace_back([&, i] { all.submits(reads[i], seed.seed() + i); });
        std::this_thread::sleep_for(length);
        all.over = true;
        for (std::thread& each : submitters)
            each.join();
        all.closing = true;
        group.close(); // while reads are at the drive
        for (std::thread& each : workers)
            each.join();
    }
    print(all);
    CHECK(all.given_out > 100);
    CHECK(all.given_out == all.accepted);
    CHECK(all.not_once == 0);
    CHECK(all.failed == 0);
    CHECK(all.wrong_data == 0);
    CHECK(all.empty == 0);
    for (const auto& own : reads)
        for (const numbered_read& r : own)
            REQUIRE(r.given_out.load() == r.accepted.load());
}
