// SPDX-License-Identifier: MIT
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

#include "catch.hpp"
#include "shared_wait_worker.hpp"

TEST_CASE("rings that wait, poll, leave and close on an emulated drive lose nothing")
{
    const unsigned threads = GENERATE(3U, 16U);
    const char* latency = GENERATE("0", "20us", "0-200us");
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(threads, latency, to_string(role));
    test::chance random("shared wait");
    CAPTURE(random.seed());
    const std::uint64_t sessions
        = test::rounds("shared wait sessions per thread", threads == 16 ? 30 : 60);
    test::drive emulated(std::string("emu:size=1M,latency=") + latency,
        {.depth = threads * 32, .rings_max = threads, .role = role});
    const workers_list workers = make_workers(threads);
    reset_counts();
    run_all(workers, emulated.queue, random.seed(), sessions, true);
    print_counts("emulated");
    check_all(workers);
}

TEST_CASE("a poller with slow passes touches no ring that is gone")
{
    const unsigned threads = GENERATE(2U, 5U, 16U);
    const std::uint64_t latency_us = GENERATE(0, 20, 200);
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(threads, latency_us, to_string(role));
    test::chance random("stumbling poller");
    CAPTURE(random.seed());
    const std::uint64_t sessions
        = test::rounds("stumbling poller sessions per thread", threads == 16 ? 15 : 40);
    auto made = std::make_unique<rough_drive>(
        rough_drive::options{.latency_ns = latency_us * 1000, .rough = true});
    rough_drive& drive = *made;
    const auto queue = on(std::move(made), threads, role);
    const workers_list workers = make_workers(threads);
    reset_counts();
    run_all(workers, *queue, random.seed(), sessions, true);
    print_counts("stumbling");
    check_all(workers);
    CHECK(drive.collisions.load() == 0);
    CHECK(drive.attached.load() == (role == role_policy::resident ? 1 : 0));
    CHECK(drive.in_flight() == 0);
    CHECK(timed.load() == 0);
}

TEST_CASE("no ring goes to sleep on completions that were handed to it")
{
    const std::uint32_t batch = GENERATE(1U, 2U, 8U);
    const bool with_jitter = GENERATE(false, true);
    // Choosing a ring to poll wakes it, which hides a wrong sleep. A resident chooses no ring.
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(batch, with_jitter, to_string(role));
    auto made = std::make_unique<rough_drive>(rough_drive::options{.rough = with_jitter});
    rough_drive& drive = *made;
    const auto queue = on(std::move(made), 3, role);
    const std::uint64_t waits
        = test::rounds("waits of two rings that do not poll", with_jitter ? 3000 : 20000);
    const workers_list workers = make_workers(3);
    std::atomic<unsigned> running{2};
    reset_counts();
    {
        test::watchdog dog(*queue, [&] { print_state(workers); });
        std::vector<std::thread> threads;
        for (const auto& each : workers)
            threads.emplace_back([&, w = each.get()] {
                start(*w, 7, with_jitter);
                ring own(*queue, {.depth = 32});
                w->own = &own;
                if (w->number == 0) {
                    // Polls for the other rings.
                    while (running.load() != 0) {
                        own.poll();
                        if (role == role_policy::resident) // the resident needs a processor
                            std::this_thread::sleep_for(milliseconds(1));
                    }
                } else {
                    for (std::uint64_t i = 0; i < waits; ++i) {
                        for (std::uint32_t j = 0; j < batch; ++j)
                            w->submit(w->requests[j]);
                        w->wait(batch);
                    }
                    running.fetch_sub(1);
                }
                w->close();
                watched = false;
            });
        for (std::thread& thread : threads)
            thread.join();
    }
    print_counts("handed over");
    check_all(workers);
    CHECK(drive.collisions.load() == 0);
    CHECK(timed.load() == 0);
}

TEST_CASE("threads interrupted at any instruction lose no wake-up and touch no ring that is gone")
{
    // A signal handler sleeps. The signal may come between any two instructions of the engine, also
    // where a test has no hook.
    struct sigaction away { };
    away.sa_handler = [](int) {
        const int error = errno;
        ::usleep(60);
        errno = error;
    };
    REQUIRE(::sigaction(SIGUSR2, &away, nullptr) == 0);
    const std::uint64_t sessions = test::rounds("interrupted sessions", 1500);
    constexpr unsigned kWaits = 8;
    auto made = std::make_unique<rough_drive>(rough_drive::options{});
    rough_drive& drive = *made;
    const auto queue = on(std::move(made), 3);
    const workers_list workers = make_workers(3);
    std::atomic<unsigned> running{2};
    std::atomic<unsigned> alive{3};
    std::atomic<bool> may_end{false};
    reset_counts();
    {
        test::watchdog dog(*queue, [&] { print_state(workers); });
        std::vector<std::thread> threads;
        for (const auto& each : workers)
            threads.emplace_back([&, w = each.get()] {
                start(*w, 7, false);
                if (w->number == 0) {
                    ring own(*queue, {.depth = 32});
                    while (running.load() != 0)
                        own.poll();
                } else {
                    for (std::uint64_t i = 0; i < sessions; ++i) {
                        auto own = std::make_unique<ring>(*queue, ring::options{.depth = 32});
                        w->own = own.get();
                        for (unsigned j = 0; j < kWaits; ++j) {
                            w->submit(w->requests[0]);
                            w->wait(1);
                        }
                        w->close();
                    }
                    running.fetch_sub(1);
                }
                watched = false;
                alive.fetch_sub(1);
                while (!may_end.load()) // its handle is valid until then
                    std::this_thread::sleep_for(milliseconds(1));
            });
        for (std::uint64_t i = 0; alive.load() != 0; ++i) {
            ::pthread_kill(threads[i % 3].native_handle(), SIGUSR2);
            std::this_thread::sleep_for(microseconds(1));
        }
        may_end = true;
        for (std::thread& thread : threads)
            thread.join();
    }
    print_counts("interrupted");
    check_all(workers);
    CHECK(drive.collisions.load() == 0);
    CHECK(timed.load() == 0);
}

TEST_CASE("the last completion that a ring waits for wakes the ring")
{
    // The other ring polls all the time. A completion takes longer than falling asleep, so nearly
    // each wait sleeps. A lost wake-up would let the ring sleep for good.
    auto made = std::make_unique<rough_drive>(rough_drive::options{.latency_ns = 200'000});
    const auto queue = on(std::move(made), 2);
    const workers_list workers = make_workers(2);
    constexpr unsigned kWaits = 300;
    std::atomic<bool> polls{false};
    std::atomic<bool> over{false};
    reset_counts();
    {
        test::watchdog dog(*queue, [&] { print_state(workers); });
        std::thread polling([&] {
            start(*workers[0], 1, false);
            ring own(*queue, {.depth = 32});
            while (!over.load()) {
                own.poll();
                polls = true;
            }
            watched = false;
        });
        std::thread waiting([&] {
            worker& w = *workers[1];
            start(w, 1, false);
            while (!polls.load())
                std::this_thread::yield();
            ring own(*queue, {.depth = 32});
            w.own = &own;
            for (unsigned i = 0; i < kWaits; ++i) {
                for (unsigned j = 0; j < 4; ++j)
                    w.submit(w.requests[j]);
                w.wait(4);
                // If this ring polled, the pause lets the other ring take the role.
                std::this_thread::sleep_for(microseconds(150));
            }
            w.close();
            watched = false;
        });
        waiting.join();
        over = true;
        polling.join();
    }
    print_counts("woken");
    check_all(workers);
    CHECK(wakes.load() >= kWaits / 2);
}

TEST_CASE("two rings of one thread that wait in turns do not sleep")
{
    test::drive emulated("emu:size=1M", {.depth = 64, .rings_max = 2});
    const workers_list workers = make_workers(2);
    ring a(emulated.queue, {.depth = 32});
    ring b(emulated.queue, {.depth = 32});
    workers[0]->own = &a;
    workers[1]->own = &b;
    constexpr unsigned kTurns = 200;
    reset_counts();
    {
        test::watchdog dog(emulated.queue, [&] { print_state(workers); });
        for (unsigned i = 0; i < kTurns; ++i)
            for (const auto& w : workers) {
                start(*w, 1, false);
                w->submit(w->requests[0]);
                w->wait(1);
            }
        watched = false;
    }
    print_counts("in turns");
    CHECK(sleeps.load() < kTurns / 10);
}

TEST_CASE("signals neither end a wait nor keep its ring asleep")
{
    auto made = std::make_unique<rough_drive>(rough_drive::options{.latency_ns = 5'000'000});
    const auto queue = on(std::move(made), 2, role_policy::resident);
    struct sigaction quiet { };
    quiet.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGUSR1, &quiet, nullptr) == 0);
    reset_counts();
    const workers_list workers = make_workers(1);
    constexpr unsigned kWaits = 50;
    std::atomic<bool> over{false};
    const test::watchdog dog(*queue, [&] { print_state(workers); });
    std::thread waiting([&] {
        worker& w = *workers[0];
        start(w, 1, false);
        ring own(*queue, {.depth = 32});
        w.own = &own;
        for (unsigned i = 0; i < kWaits; ++i) {
            w.submit(w.requests[0]);
            w.wait(1);
        }
        w.close();
        over = true;
        watched = false;
    });
    while (!over) { // as a profiler's timer does
        ::pthread_kill(waiting.native_handle(), SIGUSR1);
        std::this_thread::sleep_for(microseconds(100));
    }
    waiting.join();
    std::printf("%llu of %llu sleeps interrupted\n",
        static_cast<unsigned long long>(interrupted.load()),
        static_cast<unsigned long long>(sleeps.load()));
    check_all(workers);
    CHECK(interrupted.load() != 0);
    CHECK(timed.load() == 0);
}

namespace {

std::chrono::nanoseconds processor_time()
{
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

} // namespace

TEST_CASE("a closing ring leaves the processor to a poller whose pass takes long")
{
    // The poller may need this very processor, and this thread may have the higher priority.
    auto made
        = std::make_unique<rough_drive>(rough_drive::options{.pass_takes = milliseconds(100)});
    rough_drive& drive = *made;
    const auto queue = on(std::move(made), 2);
    auto closing = std::make_unique<ring>(*queue, ring::options{.depth = 32});
    test::watchdog dog(*queue);
    std::thread polling([&] {
        ring own(*queue, {.depth = 32});
        own.poll();
    });
    while (!drive.in_pass)
        std::this_thread::yield();
    const auto before = processor_time();
    closing->close();
    CHECK(processor_time() - before < milliseconds(50));
    polling.join();
}

TEST_CASE("a ring that works elsewhere between its polls does not stop another ring's polling")
{
    // B's requests complete while B is busy with other work. A must not sleep until B is back.
    test::drive emulated("emu:size=1M", {.depth = 64, .rings_max = 2});
    const workers_list workers = make_workers(2);
    std::atomic<bool> started{false};
    std::atomic<bool> over{false};
    constexpr std::uint64_t kRounds = 100;
    reset_counts();
    {
        test::watchdog dog(emulated.queue, [&] { print_state(workers); });
        std::thread waiting([&] {
            worker& w = *workers[0];
            start(w, 1, false);
            ring own(emulated.queue, {.depth = 32, .submit_batch_max = 1});
            w.own = &own;
            while (!over.load()) {
                w.submit(w.requests[0]);
                w.wait(1);
                started = true;
            }
            w.close();
            watched = false;
        });
        std::thread absent([&] {
            worker& w = *workers[1];
            // Never waits, so its futex calls are not counted.
            w.thread = std::this_thread::get_id();
            while (!started)
                std::this_thread::yield();
            ring own(emulated.queue, {.depth = 32});
            w.own = &own;
            for (std::uint64_t i = 0; i < kRounds; ++i) {
                for (tracked_request& r : w.requests)
                    if (!r.in_flight)
                        w.submit(r);
                own.flush();
                std::this_thread::sleep_for(milliseconds(3));
                own.poll();
            }
            w.close();
            over = true;
        });
        waiting.join();
        absent.join();
    }
    print_counts("beside one that is elsewhere");
    CHECK(timed.load() == 0);
    // If A slept until B is back, there would be only a few waits for each absence.
    CHECK(workers[0]->done.load() > 20 * kRounds);
}
