// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "drive.hpp"
#include "rough_drive.hpp"
#include "testing_access.hpp"

using std::chrono::milliseconds;

namespace {

struct worker;

struct tracked_request : request {
    worker* by = nullptr;
    bool in_flight = false;
};

/// A thread with a ring whose callbacks count, and with its results to check.
struct worker {
    unsigned number = 0;
    std::thread::id thread;
    ring* own = nullptr;
    std::vector<tracked_request> requests{32};
    std::uint64_t finished = 0; ///< counted by its callbacks
    std::uint64_t left = 0; ///< how often its callbacks may still submit

    std::atomic<std::uint64_t> submitted{0}, sessions{0}, done{0};
    std::atomic<std::uint64_t> twice{0}, elsewhere{0}, lost{0}, wrong_count{0};
    std::atomic<const char*> doing{""};

    worker()
    {
        for (tracked_request& r : requests) {
            r.by = this;
            r.cmd = flush_command(1);
            r.on_complete = [](request& q) noexcept { complete(static_cast<tracked_request&>(q)); };
        }
    }

    bool submit(tracked_request& r)
    {
        r.in_flight = true;
        if (!own->submit(r)) {
            r.in_flight = false;
            return false;
        }
        bump(submitted);
        return true;
    }

    static void complete(tracked_request& r) noexcept
    {
        worker& w = *r.by;
        bump(w.done);
        ++w.finished;
        if (!r.in_flight)
            bump(w.twice);
        r.in_flight = false;
        if (std::this_thread::get_id() != w.thread)
            bump(w.elsewhere);
        if (w.left != 0 && r.status.ok()) {
            --w.left;
            w.submit(r);
        }
    }

    void wait(std::uint32_t n)
    {
        doing = "wait";
        const std::uint32_t wanted = std::min(n, own->outstanding());
        const std::uint64_t before = finished;
        const std::uint32_t told = own->wait(n);
        if (told < wanted || told != finished - before)
            bump(wrong_count);
        doing = "";
    }

    void close()
    {
        doing = "close";
        own->close();
        doing = "";
        for (const tracked_request& r : requests)
            if (r.in_flight)
                bump(lost);
        bump(sessions);
    }
};

void start(worker& w, std::uint64_t seed, bool with_jitter)
{
    w.thread = std::this_thread::get_id();
    watched = true;
    jitter = with_jitter ? static_cast<std::uint32_t>(seed * 2654435761U + w.number + 1) | 1U : 0;
}

void session(worker& w, poll_queue& queue, test::chance& random)
{
    // On the heap, so that the sanitizers notice a thread that touches a ring after its end.
    const auto depth = static_cast<std::uint32_t>(1 + random.below(32));
    auto own = std::make_unique<ring>(queue,
        ring::options{
            .depth = depth, .submit_batch_max = static_cast<std::uint32_t>(1 + random.below(32))});
    w.own = own.get();
    w.left = random.below(100);
    const std::uint64_t style = random.below(4);
    for (std::uint64_t steps = random.below(60); steps != 0; --steps) {
        const std::uint64_t most = 1 + random.below(depth);
        std::uint64_t count = 0;
        for (tracked_request& r : w.requests)
            if (!r.in_flight && count++ < most && !w.submit(r))
                break;
        switch (style == 3 ? random.below(4) : style) {
        case 0: w.wait(1); break;
        case 1: w.wait(32); break;
        case 2: own->poll(); break;
        default: own->flush(); break;
        }
        if (random.one_in(40)) // other threads may wait meanwhile
            std::this_thread::sleep_for(microseconds(random.below(3000)));
    }
    if (random.one_in(2))
        w.close();
    else { // by the destructor
        w.doing = "~ring";
        own.reset();
        w.doing = "";
        for (const tracked_request& r : w.requests)
            if (r.in_flight)
                bump(w.lost);
        bump(w.sessions);
    }
}

using workers_list = std::vector<std::unique_ptr<worker>>;

workers_list make_workers(unsigned count)
{
    workers_list made;
    for (unsigned i = 0; i < count; ++i) {
        made.push_back(std::make_unique<worker>());
        made.back()->number = i;
    }
    return made;
}

void print_state(const workers_list& workers)
{
    for (const auto& w : workers)
        std::fprintf(stderr, "thread %u: sessions %llu, submitted %llu, done %llu, in %s\n",
            w->number, static_cast<unsigned long long>(w->sessions.load()),
            static_cast<unsigned long long>(w->submitted.load()),
            static_cast<unsigned long long>(w->done.load()), w->doing.load());
}

void run_all(const workers_list& workers, poll_queue& queue, std::uint64_t seed,
    std::uint64_t sessions, bool with_jitter)
{
    test::watchdog dog(queue, [&] { print_state(workers); });
    std::vector<std::thread> threads;
    for (const auto& w : workers)
        threads.emplace_back([&, w = w.get()] {
            start(*w, seed, with_jitter);
            test::chance mine(seed, w->number);
            for (std::uint64_t i = 0; i < sessions; ++i)
                session(*w, queue, mine);
            watched = false;
        });
    for (std::thread& thread : threads)
        thread.join();
}

void check_all(const workers_list& workers)
{
    for (const auto& w : workers) {
        CAPTURE(w->number);
        CHECK(w->submitted.load() == w->done.load());
        CHECK(w->twice.load() == 0);
        CHECK(w->elsewhere.load() == 0);
        CHECK(w->lost.load() == 0);
        CHECK(w->wrong_count.load() == 0);
    }
}

void reset_counts() { sleeps = timed = interrupted = wakes = 0; }

void print_counts(const char* of_what)
{
    std::printf("%s: %llu sleeps, %llu wakes\n", of_what,
        static_cast<unsigned long long>(sleeps.load()),
        static_cast<unsigned long long>(wakes.load()));
}

std::unique_ptr<poll_queue> on(
    std::unique_ptr<rough_drive> drive, unsigned rings, role_policy role = role_policy::waiter)
{
    return testing_access::make(
        std::move(drive), {.depth = rings * 32, .rings_max = rings, .role = role});
}

} // namespace
