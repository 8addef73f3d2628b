// SPDX-License-Identifier: MIT
//
// Tests what a shared queue costs: wake-ups, sleeps, looks at the clock, calls of an event loop,
// and processor time while nothing is in flight.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "catch.hpp"
#include "scripted_drive.hpp"

using namespace ngpoll;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::await;
using test::counted_request;
using test::drive;
using test::flushes;
using test::held_request;
using test::is_answered;
using test::must;
using test::scripted_queue;

namespace {

/// Each submission writes a block of its own or reads the block back, in turns.
struct block_io {
    counted_request r;
    std::vector<std::byte> data;
    std::uint64_t slba;
    std::uint64_t times = 0;

    explicit block_io(std::uint64_t block)
        : data(512)
        , slba(block)
    {
    }
    void submit(ring& on)
    {
        const bool reads = times % 2 != 0;
        data = reads ? std::vector<std::byte>(512) : test::pattern(512, slba + times);
        r.cmd = reads ? read_command(1, slba, 1) : write_command(1, slba, 1);
        r.set_buffer({.data = data.data(), .size_bytes = 512});
        ++times;
        must(on.submit(r));
    }
    void check() const
    {
        must(r.finished == times && r.status.ok());
        must(data == test::pattern(512, slba + (times - 1) / 2 * 2));
    }
};

std::vector<std::unique_ptr<block_io>> blocks(std::uint64_t from, unsigned count)
{
    std::vector<std::unique_ptr<block_io>> made;
    for (unsigned i = 0; i < count; ++i)
        made.push_back(std::make_unique<block_io>(from + i));
    return made;
}

bool is_readable(int fd, std::chrono::milliseconds most)
{
    pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, static_cast<int>(most.count())) == 1;
}

struct event {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    ~event() { ::close(fd); }
    void read() const
    {
        std::uint64_t count = 0;
        static_cast<void>(::eventfd_read(fd, &count));
    }
};

std::chrono::nanoseconds time_of_the_process()
{
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

} // namespace

TEST_CASE("a loop on poll() and seven rings that sleep need a bounded number of wake-ups")
{
    constexpr unsigned kSleepers = 7;
    constexpr unsigned kWaits = 100;
    constexpr unsigned kEach = 4;
    drive emulated("emu:size=1M,latency=100us",
        {.depth = 64, .rings_max = kSleepers + 1, .role = role_policy::waiter});
    std::atomic<unsigned> running{kSleepers};
    std::atomic<std::uint64_t> wakes{0};
    const test::watchdog dog(emulated.queue);
    std::vector<std::thread> sleepers;
    for (unsigned i = 0; i < kSleepers; ++i)
        sleepers.emplace_back([&, i] {
            ring own(emulated.queue, {.depth = 8});
            auto all = blocks(i * 8, kEach);
            for (unsigned again = 0; again < kWaits; ++again) {
                for (auto& each : all)
                    each->submit(own);
                must(own.wait(kEach) == kEach);
                for (auto& each : all)
                    each->check();
            }
            wakes.fetch_add(own.stats().wakes);
            running.fetch_sub(1);
        });
    ring loops(emulated.queue, {.depth = 8});
    while (running.load() != 0)
        loops.poll();
    for (std::thread& each : sleepers)
        each.join();
    const std::uint64_t all = wakes.load() + loops.stats().wakes;
    constexpr std::uint64_t kCompletions = std::uint64_t{kSleepers} * kWaits * kEach;
    std::printf("%llu wake-ups for %llu completions\n", static_cast<unsigned long long>(all),
        static_cast<unsigned long long>(kCompletions));
    // Each wait is woken once for its completions. It may also be chosen to poll once, and find
    // that the loop has taken the role again. So there are two wake-ups a wait, half of the
    // completions.
    CHECK(all <= kCompletions / 2);
}

TEST_CASE("rings that all loop on poll() finish all requests and never sleep")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    drive emulated("emu:size=1M,latency=0-40us", {.depth = 32, .rings_max = 4, .role = role});
    const test::watchdog dog(emulated.queue);
    std::atomic<std::uint64_t> sleeps{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            ring own(emulated.queue, {.depth = 8});
            auto all = blocks(i * 8, 8);
            for (unsigned again = 0; again < 100; ++again) {
                for (auto& each : all)
                    each->submit(own);
                while (own.outstanding() != 0)
                    own.poll();
                for (auto& each : all)
                    each->check();
            }
            sleeps.fetch_add(own.stats().sleeps);
        });
    for (std::thread& each : threads)
        each.join();
    CHECK(sleeps.load() == 0);
}

TEST_CASE("event loops go on while one ring never reads its event")
{
    drive emulated("emu:size=1M,latency=0-100us",
        {.depth = 32, .rings_max = 4, .role = role_policy::resident});
    const test::watchdog dog(emulated.queue);
    const event never_read;
    ring stuck(emulated.queue, {.depth = 8, .event_fd = never_read.fd});
    auto of_stuck = blocks(0, 8);
    for (auto& each : of_stuck)
        each->submit(stuck);
    static_cast<void>(stuck.arm_event(8));
    std::atomic<unsigned> done{0};
    std::vector<std::thread> loops;
    for (unsigned i = 1; i < 4; ++i)
        loops.emplace_back([&, i] {
            const event told;
            ring own(emulated.queue, {.depth = 8, .event_fd = told.fd});
            auto own_blocks = blocks(i * 8, 8);
            for (unsigned again = 0; again < 100; ++again) {
                for (auto& each : own_blocks)
                    each->submit(own);
                while (own.outstanding() != 0) {
                    if (own.arm_event(4))
                        must(is_readable(told.fd, test::kDeadline));
                    told.read();
                    own.poll();
                }
                for (auto& each : own_blocks)
                    each->check();
            }
            done.fetch_add(1);
        });
    await([&] { return done.load() == 3; });
    for (std::thread& each : loops)
        each.join();
    CHECK(stuck.outstanding() == 8);
    await([&] {
        return scripted_queue::says_of(emulated.queue, 1, "handed over and not finished: 8;");
    });
    CHECK(stuck.poll() == 8);
    for (auto& each : of_stuck)
        each->check();
}

TEST_CASE("an event loop with completions to finish is told to poll, and gets no event")
{
    drive emulated("emu:size=1M", {.depth = 8, .role = role_policy::resident});
    const event told;
    ring own(emulated.queue, {.depth = 8, .event_fd = told.fd});
    const test::watchdog dog(emulated.queue, own);
    auto requests = flushes(2);
    for (counted_request& r : requests)
        REQUIRE(own.submit(r));
    own.flush();
    await([&] {
        return scripted_queue::says_of(emulated.queue, 1, "handed over and not finished: 2;");
    });
    CHECK_FALSE(own.arm_event(1));
    CHECK_FALSE(own.arm_event(2));
    CHECK_FALSE(is_readable(told.fd, milliseconds(5)));
    CHECK(own.poll() == 2);
    for (const counted_request& r : requests)
        CHECK(r.finished == 1);
}

TEST_CASE("two rings on each of two threads finish all requests, whichever ring waits")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    drive emulated("emu:size=1M,latency=0-40us", {.depth = 32, .rings_max = 4, .role = role});
    const test::watchdog dog(emulated.queue);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 2; ++i)
        threads.emplace_back([&, i] {
            ring a(emulated.queue, {.depth = 8});
            ring b(emulated.queue, {.depth = 8});
            auto for_a = blocks(i * 16, 8);
            auto for_b = blocks(i * 16 + 8, 8);
            for (unsigned again = 0; again < 200; ++again) {
                for (auto& each : for_a)
                    each->submit(a);
                for (auto& each : for_b)
                    each->submit(b);
                if (again % 3 == 0)
                    b.flush();
                // B's requests may be staged, or this thread's poller may have found them.
                must(a.wait(8) == 8);
                must(b.wait(8) == 8);
                for (unsigned k = 0; k < 8; ++k) {
                    for_a[k]->check();
                    for_b[k]->check();
                }
            }
        });
    for (std::thread& each : threads)
        each.join();
}

TEST_CASE("a wait looks at its deadline at least every 16 callbacks")
{
    enum class found_by : std::uint8_t { its_own_queue, itself, a_resident };
    const auto by = GENERATE(found_by::its_own_queue, found_by::itself, found_by::a_resident);
    CAPTURE(static_cast<int>(by));
    drive emulated("emu:size=1M,latency=1ms",
        {.depth = 64,
            .rings_max = by == found_by::its_own_queue ? 1U : 2U,
            .role = by == found_by::a_resident ? role_policy::resident : role_policy::waiter});
    ring own(emulated.queue, {.depth = 64});
    const test::watchdog dog(emulated.queue, own);
    auto requests = flushes(64);
    for (counted_request& r : requests) {
        r.on_complete = [](request& done) noexcept {
            static_cast<counted_request&>(done).count();
            std::this_thread::sleep_for(microseconds(500));
        };
        REQUIRE(own.submit(r));
    }
    own.flush();
    // All are complete, and found if another ring polls.
    std::this_thread::sleep_for(milliseconds(10));
    const std::uint32_t told = own.wait(64, steady_clock::now() + milliseconds(1));
    CHECK(told >= 1);
    CHECK(told <= 16);
    CHECK(own.outstanding() == 64 - told);
    CHECK(own.wait(64) == 64 - told);
    for (const counted_request& r : requests)
        CHECK(r.finished == 1);
}

TEST_CASE("a postponed wake-up is sent two passes later, or by an earlier pass with a completion")
{
    const bool finds = GENERATE(false, true);
    CAPTURE(finds);
    scripted_queue on({.depth = 32, .rings_max = 2, .role = role_policy::waiter});
    on.drive.held = 7;
    held_request others(2), stalls(1), found_next(4);
    const test::watchdog dog(*on.queue);
    ring sleeps(*on.queue, {.depth = 8});
    ring polls(*on.queue, {.depth = 8});
    REQUIRE(sleeps.submit(others));
    sleeps.flush();
    testing_access::arm(sleeps, 1, 100); // expects 100 more
    std::vector<bool> owed; // the state at the start of each pass
    on.drive.on_pass([&] {
        owed.push_back(on.says(1, "is owed a wake-up"));
        if (owed.size() == 3)
            on.drive.held = 5; // this pass finds the sleeper's command
        if (owed.size() == 4 && finds)
            on.drive.held = 1;
        if (owed.size() == 8)
            on.drive.held = 0;
    });
    REQUIRE(polls.submit(stalls));
    if (finds)
        REQUIRE(polls.submit(found_next));
    CHECK(polls.wait(2) == (finds ? 2U : 1U));
    REQUIRE(owed.size() == 8);
    for (std::size_t pass = 1; pass <= owed.size(); ++pass) {
        CAPTURE(pass);
        CHECK(owed[pass - 1] == (pass == 4 || (pass == 5 && !finds)));
    }
    testing_access::disarm(sleeps);
    CHECK(sleeps.poll() == 1);
}

TEST_CASE("a resident sends its postponed wake-ups before it goes to sleep")
{
    scripted_queue on({.depth = 8, .role = role_policy::resident});
    on.drive.held = 1;
    held_request r(1);
    const test::watchdog dog(*on.queue);
    ring sleeps(*on.queue, {.depth = 8});
    REQUIRE(sleeps.submit(r));
    sleeps.flush();
    testing_access::arm(sleeps, 1, 100); // expects 100 more
    on.drive.held = 0;
    await([&] { return on.says(1, "handed over and not finished: 1; awake"); });
    await([&] { return !on.says(1, "is owed a wake-up"); });
    testing_access::disarm(sleeps);
    CHECK(sleeps.poll() == 1);
    CHECK(is_answered(r));
}

TEST_CASE("a submission is carried out although every thread was asleep")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    drive emulated("emu:size=1M,latency=10us", {.depth = 24, .rings_max = 3, .role = role});
    const test::watchdog dog(emulated.queue);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; ++i)
        threads.emplace_back([&, i] {
            ring own(emulated.queue, {.depth = 8});
            auto all = blocks(i * 8, 2);
            for (unsigned again = 0; again < 50; ++again) {
                // Longer than a resident spins. All threads wake at about the same time.
                std::this_thread::sleep_for(microseconds(700));
                for (auto& each : all)
                    each->submit(own);
                must(own.wait(2) == 2);
                for (auto& each : all)
                    each->check();
            }
        });
    for (std::thread& each : threads)
        each.join();
    if (role == role_policy::resident)
        CHECK(emulated.queue.resident_stats().sleeps >= 20);
}

TEST_CASE("an event loop is called at most once for 8 completions and costs nothing when idle")
{
    constexpr std::uint32_t kDepth = 32;
    constexpr std::uint64_t kCompletions = 20'000;
    drive emulated("emu:size=1M,latency=100us", {.depth = kDepth, .role = role_policy::resident});
    const event told;
    ring own(emulated.queue, {.depth = kDepth, .event_fd = told.fd});
    const test::watchdog dog(emulated.queue, own);
    std::uint64_t left = kCompletions - kDepth;
    struct loop {
        ring& own;
        std::uint64_t& left;
    } state{own, left};
    auto requests = flushes(kDepth);
    for (counted_request& r : requests) {
        r.context = &state;
        r.on_complete = [](request& done) noexcept {
            static_cast<counted_request&>(done).count();
            auto& in = *static_cast<loop*>(done.context);
            if (in.left != 0) {
                --in.left;
                must(in.own.submit(done));
            }
        };
        REQUIRE(own.submit(r));
    }
    const auto count_finished = [&] {
        std::uint64_t finished = 0;
        for (const counted_request& r : requests)
            finished += r.finished;
        return finished;
    };
    // Only the best round counts. The loop may be awake for each completion for a while,
    // because other programs take the processors or ThreadSanitizer makes it slow.
    double calls_least = 1;
    std::uint64_t finished = 0;
    while (own.outstanding() != 0) {
        std::uint64_t calls = 0;
        const std::uint64_t before = finished;
        for (; own.outstanding() != 0 && finished - before < kCompletions / 8; ++calls) {
            if (own.arm_event(kDepth / 2))
                REQUIRE(is_readable(told.fd, test::kDeadline));
            told.read();
            own.poll();
            finished = count_finished();
        }
        const double each = double(calls) / double(finished - before);
        std::printf("%.3f calls of the loop for each completion\n", each);
        // The last round may be shorter and then does not count.
        if (finished - before >= kCompletions / 8)
            calls_least = std::min(calls_least, each);
    }
    CHECK(finished == kCompletions);
    CHECK(calls_least <= 1.0 / 8);

    // Idle: the resident has stopped spinning for more work.
    std::this_thread::sleep_for(milliseconds(10));
    CHECK(own.arm_event());
    constexpr milliseconds kIdle{500};
    // The least of three, because the sanitizers have threads, too.
    std::chrono::nanoseconds least = kIdle;
    for (int i = 0; i < 3 && least >= kIdle / 100; ++i) {
        const auto before = time_of_the_process();
        CHECK_FALSE(is_readable(told.fd, kIdle));
        least = std::min(least, time_of_the_process() - before);
    }
    CHECK(least < kIdle / 100);
}
