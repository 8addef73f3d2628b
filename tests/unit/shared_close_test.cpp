// SPDX-License-Identifier: MIT
//
// Cases in which a ring closes while its requests are queued or in flight. In other cases another
// thread is about to wake the ring, or has chosen it to poll.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "futex_probe.hpp"
#include "scripted_drive.hpp"

using namespace ngpoll;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::await;
using test::held_request;
using test::is_answered;
using test::must;
using test::scripted_queue;

namespace {

struct counting_request : held_request {
    explicit counting_request(std::uint32_t bits, std::atomic<unsigned>& cancelled)
        : held_request(bits)
    {
        context = &cancelled;
        on_complete = [](request& r) noexcept {
            static_cast<counted_request&>(r).count();
            if (r.status.errno_value == ECANCELED)
                static_cast<std::atomic<unsigned>*>(r.context)->fetch_add(1);
        };
    }
};

} // namespace

TEST_CASE("closing during another ring's pass cancels queued requests at once and waits for the "
          "rest")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 32, .rings_max = 2, .role = role});
    on.drive.held = 3; // the drive stalls
    held_request first(1);
    std::atomic<unsigned> cancelled{0};
    std::atomic<bool> in_pass{false}, sent_all{false}, closed{false};
    std::vector<std::unique_ptr<counting_request>> requests;
    for (unsigned i = 0; i < 7; ++i)
        requests.push_back(std::make_unique<counting_request>(2, cancelled));
    on.drive.on_pass([&] {
        if (!sent_all || in_pass)
            return;
        in_pass = true;
        await([&] { return on.says(2, "closes"); });
    });
    const test::watchdog dog(*on.queue);
    std::thread polls([&] {
        ring own(*on.queue, {.depth = 8});
        must(own.submit(first));
        must(own.wait(1) == 1);
    });
    await([&] { return on.drive.sent.load() == 1; });
    std::thread closes([&] {
        ring own(*on.queue, {.depth = 8});
        must(own.submit(*requests[0]) && own.submit(*requests[1]));
        own.flush();
        await([&] { return on.drive.sent.load() == 3; });
        sent_all = true;
        await([&] { return in_pass.load(); });
        for (unsigned i = 2; i < 6; ++i)
            must(own.submit(*requests[i]));
        own.flush(); // stays queued, because the pass is not over
        must(own.submit(*requests[6])); // stays staged
        own.close();
        closed = true;
    });
    await([&] { return cancelled.load() == 5; });
    std::this_thread::sleep_for(milliseconds(5));
    CHECK_FALSE(closed.load());
    CHECK(on.drive.sent.load() == 3);
    on.drive.held = 1;
    closes.join();
    on.drive.held = 0;
    polls.join();
    CHECK(cancelled.load() == 5);
    CHECK(is_answered(first));
    for (unsigned i = 0; i < 7; ++i) {
        CAPTURE(i);
        CHECK(requests[i]->finished == 1);
        CHECK(requests[i]->status == status{.errno_value = i < 2 ? 0 : ECANCELED});
    }
}

TEST_CASE("a ring whose wake-up is postponed closes only after the poller has let go of it")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 32, .rings_max = 2, .role = role});
    on.drive.held = 3;
    std::vector<std::unique_ptr<held_request>> requests;
    for (unsigned i = 0; i < 8; ++i)
        requests.push_back(std::make_unique<held_request>(2));
    held_request stalls(1);
    std::atomic<bool> armed{false}, postponed{false}, closed{false}, was_closed_early{false};
    unsigned passes = 0;
    on.drive.on_pass([&] {
        if (!armed || on.drive.sent.load() != 9 || closed)
            return;
        on.drive.held = 1; // the first of these passes finds all eight
        if (++passes != 2)
            return;
        postponed = true;
        await([&] { return on.says(1, "closes"); });
        std::this_thread::sleep_for(milliseconds(10));
        was_closed_early = closed.load();
    });
    const test::watchdog dog(*on.queue);
    ring leaves(*on.queue, {.depth = 8});
    for (const auto& r : requests)
        REQUIRE(leaves.submit(*r));
    leaves.flush();
    await([&] { return on.drive.sent.load() == 8; });
    testing_access::arm(leaves, 8, 100); // expects 100 more
    armed = true;
    std::thread polls([&] {
        ring own(*on.queue, {.depth = 8});
        must(own.submit(stalls));
        must(own.wait(1) == 1);
    });
    await([&] { return postponed.load(); });
    CHECK(on.says(1, "is owed a wake-up"));
    CHECK(leaves.poll() == 8);
    leaves.close();
    closed = true;
    CHECK_FALSE(on.says(1, "is owed a wake-up"));
    on.drive.held = 0;
    polls.join();
    CHECK_FALSE(was_closed_early.load());
    for (const auto& r : requests)
        CHECK(is_answered(*r));
    CHECK(is_answered(stalls));
}

TEST_CASE("a ring that closes when it is chosen polls, and then wakes the next ring")
{
    scripted_queue on({.depth = 24, .rings_max = 3, .role = role_policy::waiter});
    on.drive.held = 7;
    held_request first(1), second(2), third(4);
    std::atomic<bool> second_made{false}, third_waits{false}, second_closed{false};
    on.drive.on_pass([&] {
        if (on.says(2, "sleeps on 1, closes") && on.says(3, "sleeps on 1"))
            on.drive.held.fetch_and(6U);
    });
    const test::watchdog dog(*on.queue);
    ring own(*on.queue, {.depth = 8});
    std::thread closes([&] {
        await([&] { return on.drive.passes.load() != 0; });
        ring two(*on.queue, {.depth = 8});
        second_made = true;
        must(two.submit(second));
        two.flush();
        await([&] { return on.drive.sent.load() >= 2; });
        two.close();
        second_closed = true;
    });
    std::thread sleeps([&] {
        await([&] { return second_made.load() && on.drive.sent.load() >= 2; });
        ring three(*on.queue, {.depth = 8});
        must(three.submit(third));
        must(three.wait(1) == 1);
    });
    REQUIRE(own.submit(first));
    CHECK(own.wait(1) == 1);
    CHECK_FALSE(second_closed.load());
    const std::uint64_t passes = on.drive.passes.load();
    await([&] { return on.drive.passes.load() > passes + 2; }); // the second ring polls
    on.drive.held = 4;
    closes.join();
    on.drive.held = 0;
    sleeps.join();
    for (const held_request* r : {&first, &second, &third})
        CHECK(is_answered(*r));
}

namespace {

std::atomic<bool> waker_is_there, waker_may_go;

void hold_waker()
{
    waker_is_there = true;
    await([] { return waker_may_go.load(); });
}

} // namespace

TEST_CASE("a ring that is claimed by a waker closes only after the waker has touched it")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    on.drive.held = 3;
    held_request stalls(1), r(2);
    std::atomic<bool> closing{false}, closed{false};
    waker_is_there = waker_may_go = false;
    before_wake = hold_waker;
    const test::watchdog dog(*on.queue);
    std::thread polls([&] {
        watched = true;
        ring own(*on.queue, {.depth = 8});
        must(own.submit(stalls));
        must(own.wait(1) == 1);
        watched = false;
    });
    await([&] { return on.drive.passes.load() != 0; });
    std::thread closes([&] {
        auto own = std::make_unique<ring>(*on.queue, ring::options{.depth = 8});
        must(own->submit(r));
        // Its deadline wakes the ring, because the waker is held up.
        must(own->wait(1, steady_clock::now() + milliseconds(200)) == 1);
        must(waker_is_there);
        closing = true;
        own->close();
        closed = true;
        own.reset();
    });
    await([&] { return on.says(2, "sleeps on 1"); });
    on.drive.held = 1;
    await([&] { return closing.load(); });
    std::this_thread::sleep_for(milliseconds(10));
    CHECK_FALSE(closed.load());
    CHECK(on.says(2, "is owed a wake-up"));
    waker_may_go = true;
    closes.join();
    on.drive.held = 0;
    polls.join();
    before_wake = nullptr;
    CHECK(is_answered(r));
    CHECK(is_answered(stalls));
}
