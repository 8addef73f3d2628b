// SPDX-License-Identifier: MIT
//
// Tests the mistakes that a caller can make; the table in engine/docs/misuse.md lists them.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"

using namespace ngpoll;
using test::aborts_saying;
using test::counted_request;
using test::drive;
using test::kDebug;

namespace {

/// Refused with false; what a debug build does instead has a test of its own.
bool is_refused(ring& own, request& r) { return kDebug || !own.submit(r); }

} // namespace

TEST_CASE("submit refuses a request that is outstanding")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = rings_max});
    ring own(emulated.queue, {.depth = 4});
    counted_request r(flush_command(1));
    for (unsigned again = 1; again <= 3; ++again) {
        REQUIRE(own.submit(r));
        CHECK(is_refused(own, r)); // staged
        own.flush();
        CHECK(is_refused(own, r)); // at the drive, or queued for the drive
        CHECK(own.outstanding() == 1);
        CHECK(own.wait(2) == 1);
        CHECK(r.finished == again);
        CHECK(r.status.ok());
    }
    REQUIRE(own.submit(r));
    own.close(); // ended with ECANCELED; the request belongs to the caller again
    CHECK(r.finished == 4);
    ring next(emulated.queue, {.depth = 4});
    REQUIRE(next.submit(r));
    CHECK(next.wait(1) == 1);
}

TEST_CASE("a request that another ring found stays outstanding until its owner has finished it")
{
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2, .role = role_policy::waiter});
    ring own(emulated.queue, {.depth = 4});
    std::vector<counted_request> requests(2);
    for (counted_request& r : requests) {
        r.cmd = flush_command(1);
        REQUIRE(own.submit(r));
    }
    own.flush();
    std::thread([&] {
        ring other(emulated.queue, {.depth = 4});
        counted_request r(flush_command(1));
        // This ring's pass also finds the first ring's request and hands it over.
        if (!other.submit(r) || other.wait(1) != 1)
            std::abort();
    }).join();
    CHECK(is_refused(own, requests[0]));
    CHECK(own.outstanding() == 2);
    CHECK(own.wait(2) == 2);
    for (counted_request& r : requests) {
        CHECK(r.finished == 1);
        CHECK(r.status.ok());
        REQUIRE(own.submit(r));
    }
    CHECK(own.wait(2) == 2);
}

TEST_CASE("submit refuses a request without a callback")
{
    drive emulated("emu:size=1M");
    ring own(emulated.queue, {.depth = 4});
    request r;
    r.cmd = flush_command(1);
    r.on_complete = nullptr;
    CHECK(is_refused(own, r));
    CHECK(own.outstanding() == 0);
}

TEST_CASE("a debug build stops the program where a release build returns false")
{
    if (!kDebug)
        return;
    CHECK(aborts_saying("a request was submitted that is outstanding", [] {
        drive emulated("emu:size=1M");
        ring own(emulated.queue);
        request r;
        (void)own.submit(r);
        (void)own.submit(r);
    }));
    CHECK(aborts_saying("that has no on_complete", [] {
        drive emulated("emu:size=1M");
        ring own(emulated.queue);
        request r;
        r.on_complete = nullptr;
        (void)own.submit(r);
    }));
}

TEST_CASE("submit_and_wait stops the program for requests that it cannot take")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    CHECK(aborts_saying("a request was submitted that", [&] {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = rings_max});
        ring own(emulated.queue, {.depth = 4});
        counted_request r(flush_command(1));
        request* const twice[] = {&r, &r};
        own.submit_and_wait(twice, 2);
    }));
    CHECK(aborts_saying("more requests than the ring has room for", [&] {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = rings_max});
        ring own(emulated.queue, {.depth = 4});
        std::vector<counted_request> many(5);
        own.submit_and_wait(test::pointers(many), 1);
    }));
}

TEST_CASE("a ring used on another thread stops the program")
{
    using use = void (*)(ring&);
    const use each = GENERATE(use([](ring& r) { r.poll(); }), use([](ring& r) { r.wait(1); }),
        use([](ring& r) { r.flush(); }), use([](ring& r) { r.close(); }),
        use([](ring& r) { r.submit_and_wait({}, 1); }));
    for (const std::uint32_t rings_max : {1U, 2U})
        CHECK(aborts_saying("on another thread than the one that made it", [&] {
            drive emulated("emu:size=1M", {.depth = 8, .rings_max = rings_max});
            ring own(emulated.queue, {.depth = 4});
            std::thread([&] { each(own); }).join();
        }));
    CHECK(aborts_saying("on another thread than the one that made it", [&] {
        drive emulated("emu:size=1M", {.role = role_policy::resident});
        ring own(emulated.queue, {.event_fd = STDERR_FILENO});
        std::thread([&] { (void)own.arm_event(); }).join();
    }));
}

TEST_CASE("arm_event on a ring without an eventfd stops the program")
{
    CHECK(aborts_saying("arm_event() needs ring::options::event_fd", [] {
        drive emulated("emu:size=1M", {.rings_max = 2});
        ring own(emulated.queue);
        (void)own.arm_event();
    }));
}

TEST_CASE("closing a ring on a shared queue inside another ring's callback stops the program")
{
    CHECK(aborts_saying("from inside a callback of such a ring", [] {
        drive emulated("emu:size=1M", {.rings_max = 2});
        ring own(emulated.queue);
        ring other(emulated.queue);
        counted_request r(flush_command(1));
        r.context = &other;
        r.on_complete = [](request& done) noexcept { static_cast<ring*>(done.context)->close(); };
        if (own.submit(r))
            own.wait(1);
    }));
}

TEST_CASE("a pool destroyed after its queue stops the program, and a leaked pool does not")
{
    CHECK(aborts_saying("destroyed after its poll_queue", [] {
        auto emulated = std::make_unique<drive>("emu:size=1M");
        auto pool = std::make_unique<buffer_pool>(
            emulated->queue, buffer_pool::options{.count = 1, .buffer_bytes = 512});
        emulated.reset();
        pool.reset();
    }));
    CHECK(test::in_child([] {
        auto emulated = std::make_unique<drive>("emu:size=1M");
        auto pool = std::make_unique<buffer_pool>(
            emulated->queue, buffer_pool::options{.count = 1, .buffer_bytes = 512});
        emulated.reset();
        static_cast<void>(pool.release());
    }).exited_well());
}

TEST_CASE("a count that a command cannot hold stops the program")
{
    CHECK(read_command(1, 0, 65536).cdw12 == 65535);
    const std::uint32_t blocks = GENERATE(0U, 65537U, std::numeric_limits<std::uint32_t>::max());
    CHECK(aborts_saying("1 to 65,536 blocks", [&] { (void)read_command(1, 0, blocks); }));
    CHECK(aborts_saying("1 to 65,536 blocks", [&] { (void)write_command(1, 0, blocks); }));
    CHECK(aborts_saying("1 to 65,536 blocks", [&] { (void)write_zeroes_command(1, 0, blocks); }));
    const std::uint32_t ranges = GENERATE(0U, 257U);
    CHECK(aborts_saying("1 to 256 ranges", [&] { (void)deallocate_command(1, ranges); }));
}

TEST_CASE("deadlines at both ends of the clock's range work")
{
    using time_point = std::chrono::steady_clock::time_point;
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    drive emulated("emu:size=1M,latency=20ms", {.depth = 8, .rings_max = rings_max});
    ring own(emulated.queue, {.depth = 4});
    const test::watchdog dog(own);
    counted_request r(flush_command(1));
    REQUIRE(own.submit(r));
    CHECK(own.wait(1, time_point::min()) == 0);
    CHECK(own.wait(1, time_point{}) == 0);
    CHECK(own.wait(1, time_point::max()) == 1);
}
