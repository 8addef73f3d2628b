// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;

namespace {

constexpr std::uint32_t kDepthEach = 8;
constexpr std::uint64_t kBlocksEach = 64;

struct worker;

/// Writes a block, reads it back, and so on. Each completion is checked.
struct checked_request : request {
    worker* by = nullptr;
    std::uint64_t slba = 0;
    std::uint64_t salt = 0;
    bool in_flight = false;
    bool reading = false;
    alignas(64) std::byte data[512];

    void prepare(bool read);
    void complete() noexcept;
};

/// One thread, which opens a ring, sends I/O, closes the ring, and starts again. It counts errors,
/// because Catch2's checks belong to the test's own thread.
struct worker {
    unsigned number = 0;
    std::uint64_t seed = 0;
    std::thread::id thread;
    std::vector<checked_request> requests{kDepthEach};
    ring* own = nullptr;
    std::uint64_t left = 0; ///< how often its callbacks may still submit

    // The watchdog's thread reads these.
    std::atomic<std::uint64_t> finished{0};
    std::atomic<std::uint64_t> submitted{0};
    std::atomic<std::uint64_t> sessions{0};

    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> aborted{0};
    std::atomic<std::uint64_t> twice{0};
    std::atomic<std::uint64_t> on_another_thread{0};
    std::atomic<std::uint64_t> wrong_data{0};
    std::atomic<std::uint64_t> lost{0};

    void session(poll_queue& queue, test::chance& random);
    bool submit(checked_request& r, bool read);
};

void bump(std::atomic<std::uint64_t>& counter) noexcept
{
    counter.fetch_add(1, std::memory_order_relaxed); // relaxed: statistics, read after join
}

void checked_request::prepare(bool read)
{
    reading = read;
    cmd = read ? read_command(1, slba, 1) : write_command(1, slba, 1);
    if (!read)
        ++salt;
    for (std::size_t i = 0; i < sizeof data; ++i)
        data[i] = read ? std::byte{0} : static_cast<std::byte>(slba * 7 + salt * 13 + i);
    set_buffer({.data = data, .size_bytes = sizeof data});
    on_complete = [](request& r) noexcept { static_cast<checked_request&>(r).complete(); };
}

void checked_request::complete() noexcept
{
    worker& w = *by;
    bump(w.finished);
    if (!in_flight)
        bump(w.twice);
    in_flight = false;
    if (std::this_thread::get_id() != w.thread)
        bump(w.on_another_thread);
    if (status.errno_value == ECANCELED) {
        bump(w.aborted);
        salt = 0; // the block's content is unknown, so the next command writes
        return;
    }
    if (!status.ok())
        bump(w.failed);
    if (reading)
        for (std::size_t i = 0; i < sizeof data; ++i)
            if (data[i] != static_cast<std::byte>(slba * 7 + salt * 13 + i)) {
                bump(w.wrong_data);
                break;
            }
    if (w.left != 0) {
        --w.left;
        w.submit(*this, !reading);
    }
}

bool worker::submit(checked_request& r, bool read)
{
    r.prepare(read && r.salt != 0);
    r.in_flight = true;
    if (!own->submit(r)) {
        r.in_flight = false;
        r.salt = 0; // the block's content is unknown, as after an abort
        return false;
    }
    bump(submitted);
    return true;
}

void worker::session(poll_queue& queue, test::chance& random)
{
    ring here(queue,
        {.depth = kDepthEach,
            .submit_batch_max = static_cast<std::uint32_t>(1 + random.below(kDepthEach))});
    own = &here;
    left = random.below(200);
    for (std::uint64_t steps = random.below(200); steps != 0; --steps) {
        for (checked_request& r : requests)
            if (!r.in_flight && !random.one_in(3))
                submit(r, random.one_in(2));
        switch (random.below(4)) {
        case 0: here.flush(); break;
        case 1: here.wait(static_cast<std::uint32_t>(random.below(kDepthEach + 2))); break;
        default: here.poll(); break;
        }
    }
    here.close(); // with requests that are staged, queued, at the drive or deferred
    for (const checked_request& r : requests)
        if (r.in_flight)
            bump(lost);
    bump(sessions);
}

void print_state(const std::vector<std::unique_ptr<worker>>& workers)
{
    const auto of = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<unsigned long long>(counter.load(std::memory_order_relaxed));
    };
    for (const auto& w : workers)
        std::fprintf(stderr, "thread %u: sessions %llu, submitted %llu, finished %llu\n", w->number,
            of(w->sessions), of(w->submitted), of(w->finished));
}

void check_sums(const std::vector<std::unique_ptr<worker>>& workers)
{
    for (const auto& w : workers) {
        CAPTURE(w->number);
        CHECK(w->submitted.load() == w->finished.load());
        CHECK(w->finished.load() != 0);
        CHECK(w->failed.load() == 0);
        CHECK(w->twice.load() == 0);
        CHECK(w->on_another_thread.load() == 0);
        CHECK(w->wrong_data.load() == 0);
        CHECK(w->lost.load() == 0);
    }
}

} // namespace

TEST_CASE("rings that open and close on several threads lose, repeat and mix up nothing")
{
    const unsigned threads_count = GENERATE(2U, 4U);
    const char* latency = GENERATE("0", "0-40us");
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(threads_count, latency, to_string(role));
    test::chance random("shared queue");
    CAPTURE(random.seed());
    const std::uint64_t sessions = test::rounds("shared queue sessions per thread", 60);
    const std::uint64_t seed = random.seed();

    test::drive emulated(std::string("emu:size=1M,latency=") + latency,
        {.depth = kDepthEach * threads_count, .rings_max = threads_count, .role = role});
    std::vector<std::unique_ptr<worker>> workers;
    for (unsigned i = 0; i < threads_count; ++i) {
        workers.push_back(std::make_unique<worker>());
        workers[i]->number = i;
        for (std::size_t j = 0; j < kDepthEach; ++j) {
            workers[i]->requests[j].by = workers[i].get();
            workers[i]->requests[j].slba = i * kBlocksEach + j;
        }
    }
    {
        test::watchdog dog(emulated.queue, [&] { print_state(workers); });
        std::vector<std::thread> threads;
        for (const auto& w : workers)
            threads.emplace_back([&emulated, &w, sessions, seed] {
                w->thread = std::this_thread::get_id();
                test::chance mine(seed, w->number);
                for (std::uint64_t i = 0; i < sessions; ++i)
                    w->session(emulated.queue, mine);
            });
        for (std::thread& thread : threads)
            thread.join();
    }
    check_sums(workers);
}

TEST_CASE("a ring's statistics may be read while its thread works")
{
    test::drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
    std::atomic<ring*> shown{nullptr};
    std::atomic<bool> seen{false};
    std::thread working([&] {
        ring own(emulated.queue, {.depth = 4});
        test::counted_request r(flush_command(1));
        shown.store(&own, std::memory_order_release);
        while (!seen.load(std::memory_order_acquire))
            if (own.submit(r))
                own.wait(1);
    });
    test::watchdog dog(emulated.queue);
    while (shown.load(std::memory_order_acquire) == nullptr)
        std::this_thread::yield();
    std::uint64_t before = 0;
    while (before < 100) {
        const std::uint64_t now = shown.load(std::memory_order_relaxed)->stats().finished_inline;
        if (now < before)
            break;
        before = now;
    }
    CHECK(before >= 100);
    seen.store(true, std::memory_order_release);
    working.join();
}
