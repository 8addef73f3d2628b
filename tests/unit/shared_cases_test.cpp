// SPDX-License-Identifier: MIT
//
// Cases of a shared queue in which a completion, a wake-up or the duty to poll could get lost. Each
// case runs step by step on a scripted drive.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "catch.hpp"
#include "scripted_drive.hpp"

using namespace ngpoll;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::await;
using test::counted_request;
using test::flushes;
using test::held_request;
using test::is_answered;
using test::must;
using test::scripted_queue;

namespace {

enum class then : std::uint8_t { stays_away, closes, ends_its_thread };

} // namespace

TEST_CASE("a successor that is late, closes or ends its thread passes the duty to poll on")
{
    // Ring 1 polls and leaves. It chooses ring 2, which has a completion to finish. Ring 2's
    // callback takes longer than its deadline. Ring 3 sleeps, and no other ring polls.
    const auto what = GENERATE(then::stays_away, then::closes, then::ends_its_thread);
    CAPTURE(static_cast<int>(what));
    scripted_queue on({.depth = 24, .rings_max = 3, .role = role_policy::waiter});
    on.drive.held = 15;
    held_request first(1), second(2), second_too(4), third(8);
    steady_clock::time_point deadline;
    second.context = &deadline;
    second.on_complete = [](request& r) noexcept {
        static_cast<counted_request&>(r).count();
        std::this_thread::sleep_until(
            *static_cast<const steady_clock::time_point*>(r.context) + milliseconds(1));
    };
    std::atomic<bool> second_made{false};
    std::atomic<bool> third_done{false};
    std::uint32_t second_told = 0;
    bool staged = false;
    on.drive.on_pass([&] {
        if (staged || on.drive.sent.load() != 4 || !on.says(2, "sleeps on 2")
            || !on.says(3, "sleeps on 1"))
            return;
        staged = true;
        on.drive.held = 12; // the first and the second command complete in one pass
    });
    const test::watchdog dog(*on.queue);

    ring own(*on.queue, {.depth = 8});
    std::thread waits_for_two([&] {
        await([&] { return on.drive.passes.load() != 0; });
        ring two(*on.queue, {.depth = 8});
        second_made = true;
        must(two.submit(second) && two.submit(second_too));
        deadline = steady_clock::now() + milliseconds(300);
        second_told = two.wait(2, deadline);
        if (what == then::stays_away)
            await([&] { return third_done.load(); });
        if (what == then::closes)
            two.close();
    });
    std::thread waits_for_one([&] {
        await([&] { return second_made.load(); });
        ring three(*on.queue, {.depth = 8});
        must(three.submit(third));
        must(three.wait(1) == 1);
        third_done = true;
    });
    REQUIRE(own.submit(first));
    CHECK(own.wait(1) == 1);
    CHECK(own.stats().wakes == 1); // only its successor
    on.drive.held = what == then::stays_away ? 4 : 0;
    await([&] { return third_done.load(); });
    on.drive.held = 0;
    waits_for_two.join();
    waits_for_one.join();
    CHECK(second_told == 1);
    for (const held_request* r : {&first, &second, &second_too, &third})
        CHECK(is_answered(*r));
}

TEST_CASE("a successor whose deadline passes while it is chosen leaves no other ring asleep")
{
    // By chance ring 1's wait and ring 2's deadline end within a few microseconds of each other.
    test::chance random("late successor");
    CAPTURE(random.seed());
    scripted_queue on({.depth = 24, .rings_max = 3, .role = role_policy::waiter});
    on.drive.latency = microseconds(400);
    std::atomic<std::uint64_t> round{0}, ready{0}, third_done{0};
    const std::uint64_t rounds = test::rounds("late successor", 300);
    const test::watchdog dog(*on.queue);
    ring own(*on.queue, {.depth = 8});
    std::thread late([&] {
        test::chance mine(random.seed(), 1);
        ring two(*on.queue, {.depth = 8});
        held_request never(1);
        on.drive.held = 1;
        must(two.submit(never));
        two.flush();
        for (std::uint64_t i = 1; i <= rounds; ++i) {
            await([&] { return round.load() >= i; });
            ready.fetch_add(1);
            const auto in = microseconds(300 + mine.below(300));
            must(two.wait(1, steady_clock::now() + in) == 0);
            await([&] { return third_done.load() >= i; }); // polls for no other ring
        }
        on.drive.held = 0;
        must(two.wait(1) == 1);
    });
    std::thread sleeps([&] {
        ring three(*on.queue, {.depth = 8});
        for (std::uint64_t i = 1; i <= rounds; ++i) {
            held_request r(0);
            await([&] { return round.load() >= i; });
            ready.fetch_add(1);
            must(three.submit(r));
            must(three.wait(1) == 1);
            must(is_answered(r));
            third_done.store(i);
        }
    });
    for (std::uint64_t i = 1; i <= rounds; ++i) {
        held_request r(0);
        REQUIRE(own.submit(r));
        own.flush();
        round = i;
        await([&] { return ready.load() == 2 * i; });
        REQUIRE(own.wait(1) == 1);
        REQUIRE(is_answered(r));
        await([&] { return third_done.load() >= i; });
    }
    late.join();
    sleeps.join();
}

TEST_CASE("a ring that looked for the role just before it was released does not sleep on")
{
    // By chance ring 1's wait ends while ring 2 is between its look at the role and its sleep. In
    // between, a ring spins for 20 us if no earlier spin of it found nothing, so each round opens a
    // new ring. Ring 1 makes no call before ring 2 is done.
    test::chance random("look at the role");
    CAPTURE(random.seed());
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    on.drive.latency = microseconds(100);
    std::atomic<std::uint64_t> round{0}, done{0};
    const std::uint64_t rounds = test::rounds("look at the role", 2000);
    const test::watchdog dog(*on.queue);
    std::thread second([&] {
        test::chance mine(random.seed(), 1);
        for (std::uint64_t i = 1; i <= rounds; ++i) {
            ring own(*on.queue, {.depth = 8});
            held_request r(0);
            must(own.submit(r));
            const auto after = microseconds(mine.below(150));
            while (round.load() < i)
                std::this_thread::yield();
            const auto start = steady_clock::now() + after;
            while (steady_clock::now() < start) { }
            must(own.wait(1) == 1);
            must(is_answered(r));
            own.close();
            done.store(i);
        }
    });
    ring own(*on.queue, {.depth = 8});
    for (std::uint64_t i = 1; i <= rounds; ++i) {
        held_request r(0);
        REQUIRE(own.submit(r));
        round = i;
        REQUIRE(own.wait(1) == 1);
        REQUIRE(is_answered(r));
        await([&] { return done.load() >= i; });
    }
    second.join();
}

TEST_CASE("a ring with a stalled command does not hold up the other rings")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 32, .rings_max = 4, .role = role});
    on.drive.latency = microseconds(20);
    on.drive.held = 1;
    held_request stalls(1);
    std::atomic<bool> stalled_done{false};
    std::atomic<unsigned> early{0};
    const test::watchdog dog(*on.queue);
    std::thread polls([&] {
        ring own(*on.queue, {.depth = 8});
        must(own.submit(stalls));
        must(own.wait(1) == 1);
        stalled_done = true;
    });
    await([&] { return on.drive.sent.load() == 1; });
    std::vector<std::thread> others;
    for (unsigned i = 0; i < 3; ++i)
        others.emplace_back([&] {
            ring own(*on.queue, {.depth = 8});
            auto requests = flushes(4);
            for (unsigned again = 1; again <= 200; ++again) {
                for (counted_request& r : requests)
                    must(own.submit(r));
                must(own.wait(4) == 4);
                for (const counted_request& r : requests)
                    must(is_answered(r, again));
            }
            early.fetch_add(stalled_done.load() ? 1 : 0);
        });
    for (std::thread& each : others)
        each.join();
    CHECK(early.load() == 0);
    CHECK(on.drive.in_flight_now.load() == 1);
    on.drive.held = 0;
    polls.join();
    CHECK(is_answered(stalls));
}

TEST_CASE("a flush during another ring's only pass is sent, and the request completes")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    std::atomic<bool> in_pass{false};
    std::atomic<bool> flushed{false};
    held_request r(0);
    const test::watchdog dog(*on.queue);
    std::thread computes([&] {
        ring own(*on.queue, {.depth = 8});
        await([&] { return in_pass.load(); });
        must(own.submit(r));
        own.flush(); // cannot send: the other ring has the role
        flushed = true;
        await([&] { return !in_pass.load(); });
        std::this_thread::sleep_for(milliseconds(10));
        must(on.drive.sent.load() == 1);
        must(own.poll() == 1); // one look is enough, because the completion is there
    });
    ring polls(*on.queue, {.depth = 8});
    on.drive.on_pass([&] {
        if (flushed)
            return;
        in_pass = true;
        await([&] { return flushed.load(); });
    });
    polls.poll();
    CHECK(on.drive.sent.load() == 1);
    in_pass = false;
    computes.join();
    CHECK(is_answered(r));
}

TEST_CASE("flushed requests go on while their ring computes")
{
    struct rule {
        role_policy role;
        bool another_polls;
    };
    const auto with = GENERATE(rule{role_policy::waiter, false}, rule{role_policy::waiter, true},
        rule{role_policy::resident, false}, rule{role_policy::resident, true});
    CAPTURE(to_string(with.role), with.another_polls);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = with.role});
    on.drive.latency = milliseconds(1);
    held_request r(0);
    std::atomic<bool> over{false};
    const test::watchdog dog(*on.queue);
    ring own(*on.queue, {.depth = 8});
    std::thread busy([&] {
        if (!with.another_polls)
            return;
        ring other(*on.queue, {.depth = 8});
        auto requests = flushes(4);
        while (!over.load()) {
            for (counted_request& each : requests)
                must(other.submit(each));
            must(other.wait(4) == 4);
        }
    });
    if (with.another_polls)
        await([&] { return on.drive.sent.load() > 8; });
    for (unsigned again = 1; again <= 10; ++again) {
        REQUIRE(own.submit(r));
        own.flush();
        if (with.role == role_policy::waiter && !with.another_polls)
            CHECK(on.drive.sent.load() == again); // flush() itself sent them
        std::this_thread::sleep_for(milliseconds(10)); // stands for computing
        if (with.role == role_policy::resident || with.another_polls)
            await([&] { return on.says(1, "handed over and not finished: 1;"); });
        CHECK(own.poll() == 1);
        CHECK(is_answered(r, again));
    }
    over = true;
    busy.join();
}

TEST_CASE("completions for other rings wait for at most 16 callbacks of the poller")
{
    // The 17th callback of the polling thread continues only after the other ring has finished.
    scripted_queue on({.depth = 80, .rings_max = 2, .role = role_policy::waiter});
    on.drive.held = 1;
    held_request others(1);
    struct own_callbacks {
        unsigned count = 0;
        bool other_was_done = false;
        std::atomic<bool> other_done{false};
    } state;
    std::vector<std::unique_ptr<held_request>> requests;
    for (unsigned i = 0; i < 32; ++i) {
        requests.push_back(std::make_unique<held_request>(1));
        requests.back()->context = &state;
        requests.back()->on_complete = [](request& r) noexcept {
            static_cast<counted_request&>(r).count();
            auto& of = *static_cast<own_callbacks*>(r.context);
            if (++of.count != 18)
                return;
            const auto late = steady_clock::now() + milliseconds(100);
            while (!of.other_done && steady_clock::now() < late)
                std::this_thread::sleep_for(microseconds(50));
            of.other_was_done = of.other_done;
        };
    }
    const test::watchdog dog(*on.queue);
    ring own(*on.queue, {.depth = 64});
    std::thread waits([&] {
        ring other(*on.queue, {.depth = 8});
        must(other.submit(others));
        other.flush(); // the pass finds this command first
        await([&] { return on.drive.passes.load() != 0; });
        must(other.wait(1) == 1);
        state.other_done = true;
    });
    await([&] { return on.drive.sent.load() == 1; });
    bool staged = false;
    on.drive.on_pass([&] {
        if (!staged && on.drive.sent.load() == 33 && on.says(2, "sleeps on 1")) {
            staged = true;
            on.drive.held = 0;
        }
    });
    for (const auto& r : requests)
        REQUIRE(own.submit(*r));
    CHECK(own.wait(32) == 32);
    waits.join();
    CHECK(state.other_was_done);
    CHECK(is_answered(others));
    for (const auto& r : requests)
        CHECK(is_answered(*r));
}

// ThreadSanitizer holds an internal lock during the store, and the poller's load needs that lock.
#ifndef __SANITIZE_THREAD__

namespace {

// A request in memory that cannot be written, so that the next push stops between its two steps.
std::byte* guarded_page;
std::size_t page_bytes;
std::atomic<bool> push_has_stopped, push_may_go;

void stop_at_guarded(int, siginfo_t* info, void*)
{
    const auto* const at = static_cast<const std::byte*>(info->si_addr);
    if (at < guarded_page || at >= guarded_page + page_bytes)
        std::_Exit(1);
    push_has_stopped = true;
    while (!push_may_go)
        ::usleep(50);
    ::mprotect(guarded_page, page_bytes, PROT_READ | PROT_WRITE);
}

} // namespace

TEST_CASE("a stopped push does not hold up a poller that leaves, and its request is sent")
{
    page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const page
        = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    guarded_page = static_cast<std::byte*>(page);
    auto& guarded = *new (page) held_request(0);
    push_has_stopped = push_may_go = false;
    struct sigaction stops { };
    struct sigaction before { };
    stops.sa_sigaction = stop_at_guarded;
    stops.sa_flags = SA_SIGINFO;
    REQUIRE(::sigaction(SIGSEGV, &stops, &before) == 0);

    scripted_queue on({.depth = 24, .rings_max = 3, .role = role_policy::waiter});
    std::atomic<bool> in_pass{false}, is_queued{false}, is_flushed{false};
    held_request r(0);
    {
        const test::watchdog dog(*on.queue);
        ring own(*on.queue, {.depth = 8});
        on.drive.on_pass([&] {
            in_pass = true;
            await([&] { return push_has_stopped.load(); });
        });
        std::thread queues([&] {
            ring two(*on.queue, {.depth = 8});
            await([&] { return in_pass.load(); });
            must(two.submit(guarded));
            two.flush();
            must(::mprotect(guarded_page, page_bytes, PROT_READ) == 0);
            is_queued = true;
            await([&] { return is_flushed.load(); });
            must(two.wait(1) == 1);
        });
        std::thread stops_halfway([&] {
            ring three(*on.queue, {.depth = 8});
            await([&] { return is_queued.load(); });
            must(three.submit(r));
            three.flush(); // stops when it links into the guarded request
            must(on.drive.sent.load() == 2); // no other ring polls, so flush() sent both
            is_flushed = true;
            must(three.wait(1) == 1);
        });
        CHECK(own.poll() == 0); // returns although the queued requests cannot be taken
        CHECK(on.drive.sent.load() == 0);
        push_may_go = true;
        queues.join();
        stops_halfway.join();
    }
    REQUIRE(::sigaction(SIGSEGV, &before, nullptr) == 0);
    CHECK(is_answered(guarded));
    CHECK(is_answered(r));
    guarded.~held_request();
    ::munmap(page, page_bytes);
}

#endif
