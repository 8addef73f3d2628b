// SPDX-License-Identifier: MIT
//
// Tests a fetch group under load. Many threads submit, workers stall, leave and join, and groups
// open and close beside rings. The test counts each request and checks the data of each read.
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <ngpoll/fetch_group.hpp>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;
using std::chrono::microseconds;
using std::chrono::steady_clock;

namespace {

constexpr unsigned kSubmitters = 8;
constexpr unsigned kRequestsEach = 4;
constexpr unsigned kWorkers = 3;
constexpr unsigned kRings = 2;
constexpr std::uint32_t kRingDepth = 4;
constexpr std::uint64_t kBlocks = 2048; // 1 MiB

void bump(std::atomic<std::uint64_t>& counter) noexcept
{
    counter.fetch_add(1, std::memory_order_relaxed); // relaxed: a figure, read after join
}

/// Reads a block that holds its own number.
struct block_read : request {
    enum holder : std::uint8_t { submitter, group, worker };
    std::atomic<holder> held_by{submitter};
    std::uint64_t chance = 0;
    alignas(64) std::array<std::byte, 512> data;

    void prepare() noexcept
    {
        chance = chance * 6364136223846793005U + 1442695040888963407U;
        cmd = read_command(1, (chance >> 33U) % kBlocks, 1);
        std::memset(data.data(), 0xff, sizeof(std::uint64_t)); // not the number of a block
        set_buffer({.data = data.data(), .size_bytes = sizeof data});
        result = UINT64_MAX; // not a result
    }
    [[nodiscard]] bool is_right() const noexcept
    {
        std::uint64_t found = 0;
        std::memcpy(&found, data.data(), sizeof found);
        return status.ok() && result == 0 && found == cmd.slba;
    }
};

struct figures {
    std::atomic<std::uint64_t> accepted{0}, taken{0}, cancelled{0}, in_place{0}, batches{0};
    std::atomic<std::uint64_t> twice{0}, wrong{0}, lost{0}, empty{0}, elsewhere{0};
    std::atomic<std::uint64_t> by_rings{0};
};

/// One group, from its opening to the last fetch's close.
struct session {
    fetch_group& group;
    figures& counted;
    std::atomic<std::int64_t> budget; ///< how often requests may still be submitted
    std::atomic<bool> closing{false}, ends{false}, has_keeper{false};

    bool submit(block_read& r) noexcept;
    void look_at(request& found, test::chance& random) noexcept;
    bool next(fetch& own, test::chance& random) noexcept;
    void submitter(std::vector<block_read>& own, std::uint64_t seed) noexcept;
    void worker(std::uint64_t seed);
    void keeper(std::uint64_t seed);
};

bool session::submit(block_read& r) noexcept
{
    if (budget.fetch_sub(1) <= 0)
        return false;
    r.prepare();
    r.held_by.store(block_read::group);
    if (group.submit(r)) {
        bump(counted.accepted);
        return true;
    }
    budget.fetch_add(1);
    if (r.held_by.exchange(block_read::submitter) != block_read::group)
        bump(counted.twice);
    return false;
}

void session::look_at(request& found, test::chance& random) noexcept
{
    auto& r = static_cast<block_read&>(found);
    if (r.held_by.exchange(block_read::worker) != block_read::group)
        bump(counted.twice);
    bump(counted.taken);
    if (r.status.errno_value == ECANCELED && closing)
        bump(counted.cancelled);
    else if (!r.is_right())
        bump(counted.wrong);
    // Most requests are submitted again at once.
    r.held_by.store(block_read::submitter);
    if (random.one_in(8))
        return;
    auto mine = block_read::submitter;
    if (r.held_by.compare_exchange_strong(mine, block_read::worker))
        submit(r);
}

/// Takes a batch, and sometimes sleeps with it. Returns false if the group is closed and nothing is
/// left.
bool session::next(fetch& own, test::chance& random) noexcept
{
    const bool limited = random.one_in(2);
    const auto batch
        = limited ? own.next(steady_clock::now() + microseconds(random.below(100))) : own.next();
    if (batch.empty()) {
        if (own.has_ended())
            return false;
        if (!limited)
            bump(counted.empty);
        return true;
    }
    bump(counted.batches);
    if (random.one_in(200))
        std::this_thread::sleep_for(microseconds(random.below(2000)));
    for (request* const r : batch)
        look_at(*r, random);
    return true;
}

void session::submitter(std::vector<block_read>& own, std::uint64_t seed) noexcept
{
    test::chance random(seed, 0);
    while (!closing && budget.load() > 0) {
        bool any = false;
        for (block_read& r : own) {
            auto mine = block_read::submitter;
            if (r.held_by.compare_exchange_strong(mine, block_read::worker))
                any = submit(r) || any;
        }
        if (!any || random.one_in(16))
            std::this_thread::sleep_for(microseconds(random.below(60)));
    }
}

/// Opens and closes fetches, each on a new thread.
void session::worker(std::uint64_t seed)
{
    for (bool goes_on = true; goes_on;)
        std::thread([&] {
            test::chance random(seed++, 1);
            try {
                auto own = std::make_unique<fetch>(group,
                    fetch::options{.batch_max = static_cast<std::uint32_t>(1 + random.below(8))});
                for (std::uint64_t i = random.below(60); goes_on && i != 0; --i)
                    goes_on = next(*own, random);
                switch (random.below(3)) {
                case 0: own->close(); break;
                case 1: break; // by its destructor
                default: { // by the end of its thread
                    static thread_local std::unique_ptr<fetch> left;
                    left = std::move(own);
                }
                }
            } catch (const std::system_error& error) {
                if (error.code().value() != ESHUTDOWN)
                    bump(counted.elsewhere);
                goes_on = false;
            }
            goes_on = goes_on && !closing;
        }).join();
}

/// Has a fetch all the time, and at the end takes the remaining requests.
void session::keeper(std::uint64_t seed)
{
    test::chance random(seed, 2);
    fetch own(group);
    has_keeper = true;
    while (next(own, random)) { }
    while (!ends)
        std::this_thread::sleep_for(microseconds(50));
    while (next(own, random)) { }
}

/// Always has reads of its own in flight.
void use_ring(poll_queue& queue, figures& counted, const std::atomic<bool>& over, unsigned seed)
{
    test::chance random(seed, 3);
    std::vector<block_read> reads(kRingDepth);
    while (!over) {
        ring own(queue, {.depth = kRingDepth});
        for (std::uint64_t i = random.below(40); i != 0; --i) {
            const auto count = static_cast<std::uint32_t>(1 + random.below(kRingDepth));
            for (std::uint32_t k = 0; k < count; ++k) {
                reads[k].prepare();
                if (!own.submit(reads[k]))
                    bump(counted.lost);
            }
            while (own.outstanding() != 0)
                own.wait(own.outstanding(), steady_clock::now() + microseconds(random.below(200)));
            for (std::uint32_t k = 0; k < count; ++k) {
                if (!reads[k].is_right())
                    bump(counted.wrong);
                bump(counted.by_rings);
            }
        }
    }
}

void number_blocks(poll_queue& queue)
{
    ring own(queue, {.depth = 1});
    std::vector<std::byte> blocks(64 * 512);
    for (std::uint64_t slba = 0; slba < kBlocks; slba += 64) {
        for (std::uint64_t i = slba; i < slba + 64; ++i)
            std::memcpy(blocks.data() + (i - slba) * 512, &i, sizeof i);
        REQUIRE(test::run(own, write_command(1, slba, 64), blocks).ok());
    }
}

void print(const figures& seen)
{
    const auto of = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<unsigned long long>(counter.load());
    };
    std::fprintf(stderr,
        "accepted %llu, taken %llu in %llu batches, %llu cancelled, %llu in place; by rings %llu; "
        "twice %llu, wrong %llu, lost %llu, empty %llu, elsewhere %llu\n",
        of(seen.accepted), of(seen.taken), of(seen.batches), of(seen.cancelled), of(seen.in_place),
        of(seen.by_rings), of(seen.twice), of(seen.wrong), of(seen.lost), of(seen.empty),
        of(seen.elsewhere));
}

/// Checks the requests that neither a worker nor a submitter holds. With a keeper none may be left.
void look_at_rest(std::vector<std::vector<block_read>>& requests, bool kept, figures& counted)
{
    for (auto& own : requests)
        for (block_read& r : own) {
            if (r.held_by.exchange(block_read::submitter) != block_read::group)
                continue;
            const bool is_cancelled = r.status.errno_value == ECANCELED && r.result == 0;
            if (kept || r.status.taken != 0 || (!is_cancelled && !r.is_right()))
                bump(counted.lost);
            bump(counted.in_place);
        }
}

void run_session(poll_queue& queue, std::uint32_t depth,
    std::vector<std::vector<block_read>>& requests, figures& counted, std::uint64_t seed)
{
    test::chance random(seed, 4);
    fetch_group group(queue, {.depth = depth});
    session its{.group = group, .counted = counted, .budget{random.one_in(4) ? 50 : 500}};
    std::vector<std::thread> submitters, workers;
    std::thread keeper;
    const bool kept = !random.one_in(3);
    if (kept) {
        keeper = std::thread([&] { its.keeper(seed + 100); });
        while (!its.has_keeper)
            std::this_thread::yield();
    }
    for (unsigned i = 0; i < kWorkers; ++i)
        workers.emplace_back([&, i] { its.worker(seed + 200 + 1000 * i); });
    for (unsigned i = 0; i < kSubmitters; ++i)
        submitters.emplace_back([&, i] { its.submitter(requests[i], seed + 300 + i); });
    // Closes during the submissions, or after all of them.
    if (random.one_in(2)) {
        while (its.budget.load() > 0)
            std::this_thread::sleep_for(microseconds(100));
    } else {
        std::this_thread::sleep_for(microseconds(random.below(5000)));
    }
    its.closing = true;
    group.close();
    for (std::thread& each : submitters)
        each.join();
    for (std::thread& each : workers)
        each.join();
    its.ends = true;
    if (kept)
        keeper.join();
    look_at_rest(requests, kept, counted);
}

} // namespace

TEST_CASE("a group with changing submitters and workers gives out each request once")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const std::uint32_t depth = GENERATE(1U, 5U, 24U);
    const char* latency = GENERATE("0", "0-40us");
    CAPTURE(to_string(role), depth, latency);
    test::chance random("fetch groups");
    CAPTURE(random.seed());
    const std::uint64_t sessions = test::rounds("fetch groups, sessions", 8);
    test::drive emulated(std::string("emu:size=1M,latency=") + latency,
        {.depth = 40, .rings_max = kRings + 1, .role = role});
    number_blocks(emulated.queue);
    std::vector<std::vector<block_read>> requests;
    for (unsigned i = 0; i < kSubmitters; ++i)
        requests.emplace_back(kRequestsEach);
    figures counted;
    {
        const test::watchdog dog(emulated.queue, [&] { print(counted); });
        std::atomic<bool> over{false};
        std::vector<std::thread> rings;
        for (unsigned i = 0; i < kRings; ++i)
            rings.emplace_back([&, i] { use_ring(emulated.queue, counted, over, i); });
        for (std::uint64_t i = 0; i < sessions; ++i)
            run_session(emulated.queue, depth, requests, counted, random.seed() + 10000 * i);
        over = true;
        for (std::thread& each : rings)
            each.join();
    }
    print(counted);
    CHECK(counted.accepted == counted.taken + counted.in_place);
    CHECK(counted.taken > 0);
    CHECK(counted.twice == 0);
    CHECK(counted.wrong == 0);
    CHECK(counted.lost == 0);
    CHECK(counted.empty == 0);
    CHECK(counted.elsewhere == 0);
}
