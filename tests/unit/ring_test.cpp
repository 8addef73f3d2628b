// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"

using namespace ngpoll;
using test::counted_request;
using test::drive;

namespace {

/// A ring on its own queue, or the only ring on a shareable queue. One contract holds for
/// both.
struct fixture {
    drive emulated;
    ring own;
    test::watchdog dog{emulated.queue, own};

    fixture(std::uint32_t rings_max, std::uint32_t depth, const char* path = "emu:size=1M")
        : emulated(path, {.depth = depth, .rings_max = rings_max})
        , own(emulated.queue, {.depth = depth})
    {
    }
};

std::vector<counted_request> flushes(std::size_t count)
{
    std::vector<counted_request> made(count);
    for (counted_request& r : made)
        r.cmd = flush_command(1);
    return made;
}

/// Resubmits itself `left` more times.
struct repeating_request : counted_request {
    unsigned left = 0;
    unsigned refused = 0;

    repeating_request(ring& on, unsigned more)
        : counted_request(flush_command(1))
        , left(more)
    {
        by = &on;
        on_complete = [](request& r) noexcept {
            auto& self = static_cast<repeating_request&>(r);
            self.count();
            if (self.left == 0)
                return;
            --self.left;
            if (!self.by->submit(self))
                ++self.refused;
        };
    }
};

} // namespace

TEST_CASE("a ring takes as many requests as its depth and refuses the next")
{
    fixture f(GENERATE(1U, 2U), 4);
    auto requests = flushes(5);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(f.own.submit(requests[i]));
    CHECK_FALSE(f.own.submit(requests[4]));
    CHECK(f.own.outstanding() == 4);
    CHECK(f.own.wait(1) >= 1);
    CHECK(f.own.submit(requests[4]));
    test::poll_until(f.own, [&] { return f.own.outstanding() == 0; });
    for (const counted_request& r : requests)
        CHECK(r.finished == 1);
}

TEST_CASE("each request finishes once, on its owner's thread, and may be used again")
{
    fixture f(GENERATE(1U, 2U), 16);
    auto requests = flushes(16);
    for (unsigned round = 1; round <= 10; ++round) {
        for (counted_request& r : requests)
            REQUIRE(f.own.submit(r));
        CHECK(f.own.wait(16) == 16);
        for (const counted_request& r : requests) {
            CHECK(r.finished == round);
            CHECK(r.finished_on == std::this_thread::get_id());
        }
    }
}

TEST_CASE("submit alone sends nothing, and polling sends everything, at least a batch at a time")
{
    fixture f(GENERATE(1U, 2U), 100, "emu:size=1M,latency=1ms");
    auto requests = flushes(100);
    for (counted_request& r : requests)
        REQUIRE(f.own.submit(r));
    CHECK(f.own.stats().sent == 0);
    f.own.poll();
    CHECK(f.own.stats().sent >= 32);
    test::poll_until(f.own, [&] { return f.own.outstanding() == 0; });
    CHECK(f.own.stats().sent == 100);
    for (const counted_request& r : requests)
        CHECK(r.finished == 1);
}

TEST_CASE("poll returns how many requests finished, and never waits")
{
    fixture f(GENERATE(1U, 2U), 8, "emu:size=1M,latency=20ms");
    auto requests = flushes(3);
    CHECK(f.own.poll() == 0);
    for (counted_request& r : requests)
        REQUIRE(f.own.submit(r));
    CHECK(f.own.poll() == 0);
    CHECK(f.own.outstanding() == 3);
    std::uint32_t finished = 0;
    test::poll_until(f.own, [&] { return (finished += f.own.poll()), f.own.outstanding() == 0; });
    CHECK(requests[0].finished + requests[1].finished + requests[2].finished == 3);
    CHECK(finished <= 3);
    CHECK(f.own.poll() == 0);
}

TEST_CASE("wait returns after the given number of requests, or after all if fewer are outstanding")
{
    fixture f(GENERATE(1U, 2U), 8, "emu:size=1M,latency=10us");
    auto requests = flushes(8);
    CHECK(f.own.wait(0) == 0);
    CHECK(f.own.wait(5) == 0);
    for (counted_request& r : requests)
        REQUIRE(f.own.submit(r));
    CHECK(f.own.wait(0) == 0);
    std::uint32_t finished = f.own.wait(3);
    CHECK(finished >= 3);
    CHECK(f.own.outstanding() == 8 - finished);
    finished += f.own.wait(1000);
    CHECK(finished == 8);
    CHECK(f.own.outstanding() == 0);
}

TEST_CASE("a callback may submit its request again until the ring is full or closing")
{
    fixture f(GENERATE(1U, 2U), 2);
    repeating_request r(f.own, 99);
    REQUIRE(f.own.submit(r));
    test::poll_until(f.own, [&] { return r.finished == 100; });
    CHECK(r.refused == 0);
    CHECK(f.own.outstanding() == 0);

    repeating_request last(f.own, 1000000);
    REQUIRE(f.own.submit(last));
    f.own.poll();
    f.own.close();
    CHECK(last.refused == 1);
    CHECK(f.own.outstanding() == 0);
}

TEST_CASE("submit takes an array from its first request on, as far as there is room")
{
    fixture f(GENERATE(1U, 2U), 4);
    auto requests = flushes(6);
    const auto all = test::pointers(requests);
    CHECK(f.own.submit(std::span(all).first(0)) == 0);
    CHECK(f.own.submit(std::span(all).first(1)) == 1);
    CHECK(f.own.submit(std::span(all).subspan(1)) == 3);
    CHECK(f.own.submit(std::span(all).subspan(4)) == 0);
    CHECK(f.own.outstanding() == 4);
    CHECK(f.own.wait(4) == 4);
    for (std::size_t i = 0; i < requests.size(); ++i)
        CHECK(requests[i].finished == (i < 4 ? 1 : 0));
    f.own.close();
    CHECK(f.own.submit(std::span(all).first(1)) == 0);
}

TEST_CASE("submit_and_wait sends any number of requests and waits for as many as asked")
{
    fixture f(GENERATE(1U, 2U), 100, "emu:size=1M,latency=10us");
    auto requests = flushes(100);
    const auto all = test::pointers(requests);
    const std::size_t count = GENERATE(1U, 5U, 32U, 33U, 100U);
    const bool one_staged_before = GENERATE(false, true);
    const std::size_t before = one_staged_before ? 1 : 0;
    CHECK(f.own.submit(std::span(all).first(before)) == before);
    const auto wanted = static_cast<std::uint32_t>(count - count / 2);
    CHECK(f.own.submit_and_wait(std::span(all).subspan(before, count - before), wanted) >= wanted);
    CHECK(f.own.wait(100) + 0U <= count);
    CHECK(f.own.outstanding() == 0);
    CHECK(f.own.stats().sent == count);
    CHECK(f.own.submit_and_wait({}, 3) == 0);
    for (std::size_t i = 0; i < requests.size(); ++i)
        CHECK(requests[i].finished == (i < count ? 1 : 0));
}

TEST_CASE("inside a callback poll, wait and flush do nothing, and submit_and_wait only submits")
{
    fixture f(GENERATE(1U, 2U), 8);
    struct nosy_request : counted_request {
        std::uint32_t found = 0;
        std::uint64_t sent_before = 0;
        std::uint64_t sent_after = 1;
    } nosy;
    std::vector<counted_request> others = flushes(4);
    nosy.cmd = flush_command(1);
    nosy.by = &f.own;
    nosy.context = others.data();
    nosy.on_complete = [](request& r) noexcept {
        auto& self = static_cast<nosy_request&>(r);
        self.count();
        self.sent_before = self.by->stats().sent;
        self.found = self.by->submit(static_cast<counted_request*>(r.context)[2]) ? 0 : 100;
        self.by->flush();
        request* const another = &static_cast<counted_request*>(r.context)[3];
        self.found += self.by->submit_and_wait({&another, 1}, 1);
        self.found += self.by->poll() + self.by->wait(1);
        self.sent_after = self.by->stats().sent;
    };
    REQUIRE(f.own.submit(nosy));
    REQUIRE(f.own.submit(others[0]));
    REQUIRE(f.own.submit(others[1]));
    CHECK(f.own.wait(3) == 3);
    CHECK(nosy.finished == 1);
    CHECK(nosy.found == 0);
    CHECK(nosy.sent_after == nosy.sent_before);
    CHECK(f.own.outstanding() == 2);
    CHECK(f.own.wait(2) == 2);
    CHECK(others[2].finished == 1);
    CHECK(others[3].finished == 1);
}

TEST_CASE("flush sends everything staged and finishes nothing")
{
    fixture f(1, 100);
    auto requests = flushes(100);
    for (counted_request& r : requests)
        REQUIRE(f.own.submit(r));
    f.own.flush();
    CHECK(f.own.stats().sent == 100);
    CHECK(f.own.stats().passes == 0);
    CHECK(f.own.outstanding() == 100);
    CHECK(f.own.wait(100) == 100);
    f.own.flush();
    CHECK(f.own.stats().sent == 100);
}

TEST_CASE("closing aborts staged requests and waits for those at the drive")
{
    fixture f(GENERATE(1U, 2U), 8, "emu:size=1M,latency=5ms");
    auto sent = flushes(4);
    auto staged = flushes(3);
    for (counted_request& r : sent)
        REQUIRE(f.own.submit(r));
    f.own.poll();
    for (counted_request& r : staged)
        REQUIRE(f.own.submit(r));
    f.own.close();
    CHECK(f.own.outstanding() == 0);
    for (const counted_request& r : sent) {
        CHECK(r.finished == 1);
        CHECK(r.status.ok());
    }
    for (const counted_request& r : staged) {
        CHECK(r.finished == 1);
        CHECK(r.status == status{.errno_value = ECANCELED});
        CHECK(r.finished_on == std::this_thread::get_id());
    }
    auto late = flushes(1);
    CHECK_FALSE(f.own.submit(late[0]));
    f.own.close();
    CHECK(f.own.poll() == 0);
    CHECK(f.own.wait(1) == 0);
    f.own.flush();
    CHECK(late[0].finished == 0);
    CHECK(sent[0].finished == 1);
}

TEST_CASE("a ring that goes out of scope closes itself and makes room for the next")
{
    drive emulated("emu:size=1M", {.depth = 4, .rings_max = GENERATE(1U, 2U)});
    auto requests = flushes(4);
    for (unsigned round = 1; round <= 3; ++round) {
        {
            ring own(emulated.queue, {.depth = 4});
            for (counted_request& r : requests)
                REQUIRE(own.submit(r));
            if (round == 2)
                own.poll();
        }
        for (const counted_request& r : requests)
            CHECK(r.finished == round);
    }
}

TEST_CASE("a ring counts its passes, the requests that it sent and those that it found")
{
    fixture f(GENERATE(1U, 2U), 8);
    auto requests = flushes(5);
    f.own.poll();
    ring_stats counted = f.own.stats();
    CHECK(counted.passes == 1);
    CHECK(counted.empty_passes == 1);
    for (counted_request& r : requests)
        REQUIRE(f.own.submit(r));
    CHECK(f.own.wait(5) == 5);
    counted = f.own.stats();
    CHECK(counted.sent == 5);
    CHECK(counted.finished_inline == 5);
    CHECK(counted.finished_deferred == 0);
    CHECK(counted.passes == 2);
    CHECK(counted.empty_passes == 1);
    CHECK(counted.system_calls == 0); // an emulated drive makes none
    ring_stats sum = counted;
    sum += counted;
    CHECK(sum.finished_inline == 10);
    CHECK(sum.passes == 4);
    CHECK(sum.sent == 10);
}
