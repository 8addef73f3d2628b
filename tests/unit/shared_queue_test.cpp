// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"
#include "testing_access.hpp"
#include "transport.hpp"

using namespace ngpoll;
using test::counted_request;
using test::drive;

namespace {

/// Two rings of one thread on one poll queue, so that the test chooses each step of a hand-over.
struct fixture {
    std::vector<counted_request> for_a{16};
    std::vector<counted_request> for_b{16};
    drive emulated;
    test::watchdog dog{emulated.queue}; // outlives the rings, because their destructors wait
    ring a;
    ring b;

    explicit fixture(const char* path = "emu:size=1M")
        : emulated(path, {.depth = 32, .rings_max = 2})
        , a(emulated.queue, {.depth = 16})
        , b(emulated.queue, {.depth = 16})
    {
        for (std::size_t i = 0; i < 16; ++i)
            for_a[i].cmd = for_b[i].cmd = flush_command(1);
    }

    void submit_to_b(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i)
            REQUIRE(b.submit(for_b[i]));
    }
};

} // namespace

TEST_CASE("the ring that polls hands another ring's completion over")
{
    fixture f;
    f.submit_to_b(1);
    f.b.flush(); // no ring polls, so flush() sends at once
    CHECK(f.b.stats().sent == 1);
    CHECK(f.a.poll() == 0);
    CHECK(f.for_b[0].finished == 0); // never in the polling ring's call
    CHECK(f.b.outstanding() == 1);
    CHECK(f.a.stats().sent == 0);
    CHECK(f.a.stats().finished_inline == 0);
    CHECK(f.a.stats().passes == 1);
    CHECK(f.a.stats().empty_passes == 0);

    CHECK(f.b.poll() == 1);
    CHECK(f.for_b[0].finished == 1);
    CHECK(f.for_b[0].status.ok());
    CHECK(f.b.outstanding() == 0);
    CHECK(f.b.stats().finished_deferred == 1);
    CHECK(f.b.stats().finished_inline == 0);
}

TEST_CASE("deferred completions finish in the order in which they were found")
{
    fixture f;
    static std::vector<const request*> order;
    order.clear();
    for (counted_request& r : f.for_b)
        r.on_complete = [](request& done) noexcept {
            static_cast<counted_request&>(done).count();
            order.push_back(&done);
        };
    f.submit_to_b(16);
    f.b.flush();
    f.a.poll();
    CHECK(order.empty());
    CHECK(f.b.wait(16) == 16);
    REQUIRE(order.size() == 16);
    // The emulated drive completes commands in the order of their submission.
    for (std::size_t i = 0; i < 16; ++i)
        CHECK(order[i] == &f.for_b[i]);
}

TEST_CASE("commands of several rings are sent in the order in which they were submitted")
{
    fixture f;
    const auto written = test::pattern(512, 1);
    const auto over = test::pattern(512, 2);
    auto first = written;
    auto second = over;
    f.for_b[0].cmd = write_command(1, 0, 1);
    f.for_b[0].set_buffer({.data = first.data(), .size_bytes = 512});
    f.for_a[0].cmd = write_command(1, 0, 1);
    f.for_a[0].set_buffer({.data = second.data(), .size_bytes = 512});
    REQUIRE(f.b.submit(f.for_b[0]));
    f.b.flush();
    REQUIRE(f.a.submit(f.for_a[0]));
    CHECK(f.a.wait(1) == 1);
    CHECK(f.b.wait(1) == 1);
    std::vector<std::byte> found(512);
    CHECK(test::run(f.a, read_command(1, 0, 1), found).ok());
    CHECK(found == over);
}

TEST_CASE("a pass finishes the polling ring's completions and defers those of other rings")
{
    fixture f;
    f.submit_to_b(3);
    f.b.flush();
    for (std::size_t i = 0; i < 5; ++i)
        REQUIRE(f.a.submit(f.for_a[i]));
    CHECK(f.a.poll() == 5);
    CHECK(f.a.stats().finished_inline == 5);
    CHECK(f.b.poll() == 3);
    CHECK(f.b.stats().finished_deferred == 3);
}

TEST_CASE("a deferred callback may submit again, and its request is sent")
{
    fixture f;
    f.for_b[0].by = &f.b;
    f.for_b[0].on_complete = [](request& r) noexcept {
        auto& self = static_cast<counted_request&>(r);
        self.count();
        if (self.finished < 5 && !self.by->submit(self))
            self.finished = 1000;
    };
    f.submit_to_b(1);
    f.b.flush();
    f.a.poll();
    CHECK(f.b.wait(1) == 1);
    test::poll_until(f.b, [&] { return f.b.outstanding() == 0; });
    CHECK(f.for_b[0].finished == 5);
}

TEST_CASE("closing a ring finishes requests at the drive and cancels staged ones")
{
    fixture f("emu:size=1M,latency=2ms");
    f.submit_to_b(4);
    f.b.flush();
    f.a.poll();
    for (std::size_t i = 4; i < 8; ++i)
        REQUIRE(f.b.submit(f.for_b[i]));
    f.b.flush(); // these are at the drive, too
    for (std::size_t i = 8; i < 12; ++i)
        REQUIRE(f.b.submit(f.for_b[i]));
    REQUIRE(f.a.submit(f.for_a[0]));
    f.a.poll();
    f.b.close();
    CHECK(f.b.outstanding() == 0);
    for (std::size_t i = 0; i < 12; ++i) {
        CAPTURE(i);
        CHECK(f.for_b[i].finished == 1);
    }
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(f.for_b[i].status.ok());
    for (std::size_t i = 8; i < 12; ++i)
        CHECK(f.for_b[i].status == status{.errno_value = ECANCELED});
    CHECK(f.a.wait(1) == 1); // either ring may have found it
    CHECK(f.for_a[0].finished == 1);
}

TEST_CASE("a ring closes while its completions wait in its deferred queue")
{
    fixture f;
    f.submit_to_b(8);
    f.b.flush();
    f.a.poll();
    f.a.close();
    f.b.close();
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(f.for_b[i].finished == 1);
}

TEST_CASE("a poller that leaves has sent its postponed wake-ups, and the woken ring may close")
{
    drive emulated("emu:size=1M", {.depth = 32, .rings_max = 2});
    std::latch polled(1);
    std::latch over(1);
    std::vector<counted_request> requests(8);
    {
        ring leaves(emulated.queue, {.depth = 16});
        for (counted_request& r : requests) {
            r.cmd = flush_command(1);
            REQUIRE(leaves.submit(r));
        }
        leaves.flush();
        testing_access::arm(leaves, 8, 100);
        std::thread elsewhere([&] {
            ring polls(emulated.queue, {.depth = 16});
            polls.poll();
            polled.count_down();
            over.wait();
        });
        polled.wait();
        CHECK_FALSE(testing_access::owes_wake_up(leaves));
        CHECK(leaves.poll() == 8);
        leaves.close();
        over.count_down();
        elsewhere.join();
    }
}

TEST_CASE("a ring finishes its requests without another ring that polls")
{
    fixture f("emu:size=1M,latency=10us");
    f.submit_to_b(16);
    CHECK(f.b.wait(16) == 16);
    CHECK(f.b.stats().finished_inline == 16);
}

namespace {

/// Finishes `finishes` commands in each pass, the oldest first.
struct steady_drive final : transport {
    explicit steady_drive(std::size_t per_pass)
        : finishes(per_pass)
    {
        report_.transport = "steady";
    }
    transport_seat attach() override { return {}; }
    void detach(const transport_seat&) noexcept override { }
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t) noexcept override
    {
        const pass_result did = send(to_send, seat);
        if (in_flight_at_first_look == 0)
            in_flight_at_first_look = flying.size();
        most_at_looks = std::max<std::size_t>(most_at_looks, flying.size());
        const std::size_t count = std::min<std::size_t>(finishes, flying.size());
        batch.add_found(static_cast<std::uint32_t>(count));
        for (std::size_t i = 0; i < count; ++i) {
            request* const r = flying.front();
            flying.pop_front();
            batch.finish(*r, {}, 0);
        }
        return did;
    }
    pass_result send(std::span<request* const> to_send, const transport_seat&) noexcept override
    {
        most_at_once = std::max(most_at_once, to_send.size());
        flying.insert(flying.end(), to_send.begin(), to_send.end());
        return {.sent = static_cast<std::uint32_t>(to_send.size())};
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept override
    {
        return static_cast<std::uint32_t>(flying.size());
    }
    std::uint16_t register_buffers(std::byte*, std::size_t, std::uint32_t, std::uint32_t) override
    {
        return buffer::kNotFixed;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t) noexcept override { }

    /// Resets `most_at_looks`. Any thread may call this, and may use the next two members.
    void look_anew() { most_at_looks = 0; }
    std::atomic<std::size_t> finishes;
    std::atomic<std::size_t> most_at_looks{0};
    std::size_t in_flight_at_first_look = 0;
    std::size_t most_at_once = 0;
    std::deque<request*> flying;
};

} // namespace

TEST_CASE("a pass sends 128 commands before it looks, and all commands are sent in order")
{
    auto made = std::make_unique<steady_drive>(0);
    steady_drive& drive = *made;
    const auto queue = testing_access::make(std::move(made), {.depth = 316, .rings_max = 2});
    ring small(*queue, {.depth = 16});
    ring big(*queue, {.depth = 300});
    std::vector<counted_request> requests(300);
    for (counted_request& r : requests) {
        r.cmd = flush_command(1);
        REQUIRE(big.submit(r));
    }
    big.poll();
    CHECK(drive.in_flight_at_first_look == 128);
    CHECK(drive.most_at_once == 32);
    small.poll();
    CHECK(drive.flying.size() == 300);
    for (std::size_t i = 0; i < 300; ++i)
        CHECK(drive.flying[i] == &requests[i]);
    drive.finishes = 300;
    CHECK(big.wait(300) == 300);
    for (const counted_request& r : requests)
        CHECK(r.finished == 1);
}

TEST_CASE("a shared queue keeps 128 commands at a drive that keeps the poller busy, else all")
{
    auto made = std::make_unique<steady_drive>(32);
    steady_drive& drive = *made;
    constexpr std::uint32_t kDepth = 512;
    const auto queue = testing_access::make(
        std::move(made), {.depth = kDepth, .rings_max = 2, .role = role_policy::resident});
    // The limit holds within a turn. A ring that releases the role sends the remaining commands,
    // because it may turn to other work.
    ring own(*queue, {.depth = kDepth});
    std::vector<counted_request> requests(kDepth);
    for (counted_request& r : requests) {
        r.cmd = flush_command(1);
        r.by = &own;
        r.on_complete = [](request& done) noexcept {
            auto& self = static_cast<counted_request&>(done);
            ++self.finished;
            static_cast<void>(self.by->submit(self)); // submit() refuses when the ring closes
        };
        REQUIRE(own.submit(r));
    }
    const test::watchdog dog(*queue);
    const auto finish = [&](std::uint32_t count) {
        drive.look_anew();
        for (std::uint32_t finished = 0; finished < count;)
            finished += own.wait(32);
    };
    finish(4 * 32);
    CHECK(drive.most_at_looks >= 384); // the queue knows nothing about the drive yet
    finish(200 * 32);
    finish(200 * 32);
    CHECK(drive.most_at_looks <= 128);
    CHECK(drive.most_at_looks >= 64);
    drive.finishes = 1;
    // The resident's average takes some passes to fall, and the ring may submit again late.
    drive.look_anew();
    for (std::uint32_t finished = 0; finished < 4000 && drive.most_at_looks <= 384;)
        finished += own.wait(32);
    CHECK(drive.most_at_looks > 384);
    drive.finishes = kDepth;
    own.close();
    for (const counted_request& r : requests)
        CHECK(r.finished > 1);
}

TEST_CASE("inside a callback, other rings of the thread on shared queues do not poll or wait")
{
    test::drive on("emu:", {.depth = 4, .rings_max = 2});
    struct nested {
        ring* other;
        std::uint32_t polled = 7;
        std::uint32_t waited = 7;
    };
    request outer;
    request inner;
    ring first(on.queue, {.depth = 2});
    ring second(on.queue, {.depth = 2});
    nested saw{.other = &second};
    outer.cmd = inner.cmd = flush_command(1);
    outer.context = &saw;
    outer.on_complete = [](request& r) noexcept {
        auto& in = *static_cast<nested*>(r.context);
        in.polled = in.other->poll();
        in.waited = in.other->wait(1);
    };
    REQUIRE(second.submit(inner));
    REQUIRE(first.submit(outer));
    const test::watchdog dog(on.queue, first);
    REQUIRE(first.wait(1) == 1);
    CHECK(saw.polled == 0);
    CHECK(saw.waited == 0);
    CHECK(second.wait(1) == 1);
}

TEST_CASE("a resident poller polls for rings that never poll")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    CAPTURE(rings_max);
    drive emulated("emu:size=1M,latency=50us",
        {.depth = 16, .rings_max = rings_max, .role = role_policy::resident});
    CHECK(emulated.queue.role() == role_policy::resident);
    CHECK(emulated.queue.shared());
    {
        ring own(emulated.queue, {.depth = 16});
        const test::watchdog dog(emulated.queue, own);
        std::vector<counted_request> requests(16);
        for (counted_request& r : requests)
            r.cmd = flush_command(1);
        for (unsigned again = 1; again <= 100; ++again) {
            for (counted_request& r : requests)
                REQUIRE(own.submit(r));
            if (again % 2 == 0)
                CHECK(own.wait(16) == 16);
            else
                test::poll_until(own, [&] { return own.outstanding() == 0; });
            for (const counted_request& r : requests) {
                CHECK(r.finished == again);
                CHECK(r.finished_on == std::this_thread::get_id());
            }
        }
        CHECK(own.stats().finished_deferred == 1600);
        CHECK(own.stats().passes == 0);
    }
    CHECK(emulated.queue.resident_stats().sent == 1600);
}

TEST_CASE("a resident poller sleeps when nothing is in flight, and is woken by a submission")
{
    drive emulated("emu:size=1M", {.depth = 4, .rings_max = 2, .role = role_policy::resident});
    ring own(emulated.queue, {.depth = 4});
    const test::watchdog dog(emulated.queue, own);
    const auto sleeps = [&] { return emulated.queue.resident_stats().sleeps; };
    counted_request r(flush_command(1));
    for (unsigned again = 1; again <= 20; ++again) {
        const std::uint64_t before = sleeps();
        REQUIRE(own.submit(r));
        CHECK(own.wait(1) == 1);
        // Wait until the resident has stopped spinning for more work. A resident that sleeps makes
        // no pass.
        while (sleeps() == before)
            std::this_thread::yield();
        const std::uint64_t passes = emulated.queue.resident_stats().passes;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        CHECK(emulated.queue.resident_stats().passes == passes);
    }
    CHECK(own.stats().wakes >= 19); // the first request may come before the resident sleeps
    CHECK(own.stats().wakes <= 20);
}

TEST_CASE("a resident poller's thread has a name and blocks signals")
{
    const drive emulated("emu:size=1M", {.role = role_policy::resident});
    unsigned found = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string line;
        std::ifstream name(task.path() / "comm");
        std::getline(name, line);
        if (line != "ngpoll-poller")
            continue;
        ++found;
        std::ifstream status(task.path() / "status");
        while (std::getline(status, line))
            if (line.starts_with("SigBlk:"))
                break;
        CHECK(line.find("fffffffe") != std::string::npos); // every signal that can be blocked
    }
    CHECK(found == 1);
}
