// SPDX-License-Identifier: MIT
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"
#include "scripted_drive.hpp"
#include "testing_access.hpp"

using namespace ngpoll;
using test::aborts_saying;
using test::drive;

namespace {

test::thrown queue_error(poll_queue::options requested)
{
    return test::error_of([&] { drive made("emu:size=1M", requested); });
}

test::thrown ring_error(poll_queue& queue, ring::options requested)
{
    return test::error_of([&] { ring made(queue, requested); });
}

/// A drive whose ring cannot be registered, as on some kernels.
struct refusing_drive final : test::scripted_drive {
    bool refuses = true;

    transport_seat attach() override
    {
        if (refuses)
            throw std::system_error(ENOMEM, std::system_category(), "refused by the test");
        return {};
    }
};

} // namespace

TEST_CASE("a poll queue refuses a depth out of range and names the limit")
{
    CHECK(queue_error({.depth = 32769}).value == EINVAL);
    CHECK_FALSE(queue_error({.depth = 32769}).says("Invalid argument")); // the text says more
    CHECK(queue_error({.depth = 32769}).says("32768"));
    CHECK(queue_error({.depth = 32768}).value == 0);
    CHECK(queue_error({.depth = 1}).value == 0);
    CHECK(queue_error({.rings_max = 0}).value == EINVAL);
    CHECK(queue_error({.rings_max = 0}).says("rings_max 0"));
}

TEST_CASE("a poll queue that failed to open leaves the emulated queue pair free")
{
    const nvme_namespace device = nvme_namespace::open("emu:size=1M,queues=1");
    for (int again = 0; again < 3; ++again) {
        CHECK(
            test::error_of([&] { poll_queue bad(device, {.hardware_queue = 1}); }).value == EINVAL);
        CHECK(test::error_of([&] { poll_queue good(device); }).value == 0);
    }
}

TEST_CASE("a poll queue reports how it was set up and which options it declined")
{
    drive polled("emu:size=1M");
    CHECK(polled.queue.report().mode == poll_mode::polled);
    CHECK(polled.queue.report().transport == "emulated");
    CHECK(polled.queue.report().declined.empty());
    CHECK(polled.queue.depth() == 128);
    CHECK_FALSE(polled.queue.shared());

    drive hybrid("emu:size=1M", {.mode = poll_mode::hybrid});
    CHECK(hybrid.queue.report().mode == poll_mode::polled);
    REQUIRE(hybrid.queue.report().declined.size() == 1);
    CHECK(hybrid.queue.report().declined[0].find("hybrid") == 0);
    CHECK_FALSE(hybrid.queue.shared());

    CHECK(std::string(to_string(poll_mode::polled)) == "polled");
    CHECK(std::string(to_string(poll_mode::hybrid)) == "hybrid");
    CHECK(std::string(to_string(poll_mode::interrupt)) == "interrupt");
}

TEST_CASE("on an emulated drive the role is waiter, unless the caller asks for another")
{
    drive own("emu:size=1M");
    CHECK(own.queue.role() == role_policy::waiter);
    drive shared("emu:size=1M", {.rings_max = 2});
    CHECK(shared.queue.role() == role_policy::waiter);
    CHECK(shared.queue.resident_stats().passes == 0);
    drive given("emu:size=1M", {.rings_max = 2, .role = role_policy::resident});
    CHECK(given.queue.role() == role_policy::resident);
    CHECK(std::string(to_string(role_policy::automatic)) == "automatic");
    CHECK(std::string(to_string(role_policy::waiter)) == "waiter");
    CHECK(std::string(to_string(role_policy::resident)) == "resident");
}

TEST_CASE("a ring has given up the role when its call returns, and a resident keeps the role")
{
    for (const role_policy role : {role_policy::waiter, role_policy::resident}) {
        drive emulated("emu:size=1M", {.rings_max = 2, .role = role});
        ring own(emulated.queue, {.depth = 1});
        own.poll();
        CHECK(testing_access::has_poller(emulated.queue) == (role == role_policy::resident));
        test::counted_request r(flush_command(1));
        REQUIRE(own.submit(r));
        own.flush();
        CHECK(testing_access::has_poller(emulated.queue) == (role == role_policy::resident));
        CHECK(own.wait(1) == 1);
        CHECK(testing_access::has_poller(emulated.queue) == (role == role_policy::resident));
    }
}

TEST_CASE("hybrid polling is refused on a shared queue")
{
    const nvme_namespace device = nvme_namespace::open("emu:size=1M");
    for (const poll_queue::options& requested :
        {poll_queue::options{.rings_max = 2, .mode = poll_mode::hybrid},
            poll_queue::options{.mode = poll_mode::hybrid, .role = role_policy::resident}}) {
        const auto error = test::error_of([&] { poll_queue bad(device, requested); });
        CHECK(error.value == EINVAL);
        CHECK(error.says("hybrid"));
    }
}

TEST_CASE("a depth of 0 takes the room that is left, up to the default")
{
    drive own("emu:size=1M");
    CHECK(poll_queue::options{}.depth == 0);
    CHECK(ring::options{}.depth == 0);
    CHECK(own.queue.depth() == 128);
    CHECK(own.queue.report().depth == 128);
    ring whole(own.queue);
    CHECK(whole.depth() == 128);

    drive deep("emu:size=1M", {.depth = 1000});
    CHECK(ring(deep.queue).depth() == 128);
    drive flat("emu:size=1M", {.depth = 3});
    CHECK(ring(flat.queue).depth() == 3);
}

TEST_CASE("a shared queue has room for rings_max rings of the default depth")
{
    drive emulated("emu:size=1M", {.rings_max = 4});
    ring first(emulated.queue);
    ring second(emulated.queue, {.depth = 20});
    ring third(emulated.queue);
    ring fourth(emulated.queue);
    CHECK(first.depth() == 32);
    CHECK(third.depth() == (128 - 32 - 20) / 2);
    CHECK(fourth.depth() == 128 - 32 - 20 - third.depth());

    drive flat("emu:size=1M", {.depth = 2, .rings_max = 3});
    ring one(flat.queue);
    ring other(flat.queue);
    CHECK(ring_error(flat.queue, {}).value == EBUSY); // no room is left
}

TEST_CASE("an error text says its cause once and ends with the errno in brackets")
{
    const auto missing
        = test::error_of([] { const auto none = nvme_namespace::open("/dev/no-such-ng"); });
    CHECK(missing.value == ENOENT);
    CHECK(missing.says("use emu: (No such file or directory, errno 2)"));
    const auto busy = queue_error({.hardware_queue = 3});
    CHECK(busy.says("hardware_queue 3"));
    CHECK_FALSE(busy.says("errno"));
}

TEST_CASE("a queue with rings_max 1 belongs to the thread of its first ring for good")
{
    drive emulated("emu:size=1M");
    std::thread([&] { ring first(emulated.queue, {.depth = 1}); }).join();
    const auto error = ring_error(emulated.queue, {.depth = 1});
    CHECK(error.value == EINVAL);
    CHECK(error.says("belongs to the thread of its first ring"));
    drive shared("emu:size=1M", {.rings_max = 2});
    std::thread([&] { ring first(shared.queue, {.depth = 1}); }).join();
    CHECK(ring_error(shared.queue, {.depth = 1}).value == 0);
}

TEST_CASE("more rings than rings_max are refused until one is closed")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    drive emulated("emu:size=1M", {.depth = 100, .rings_max = rings_max});
    ring first(emulated.queue, {.depth = 1});
    auto second = rings_max == 2 ? std::make_unique<ring>(emulated.queue, ring::options{.depth = 1})
                                 : nullptr;
    const auto error = ring_error(emulated.queue, {.depth = 1});
    CHECK(error.value == EBUSY);
    CHECK(error.says("rings_max"));
    first.close();
    CHECK(ring_error(emulated.queue, {.depth = 1}).value == 0);
}

TEST_CASE("a ring whose depth does not fit into the queue's is refused and takes no room")
{
    drive emulated("emu:size=1M", {.depth = 10, .rings_max = 3});
    CHECK(ring_error(emulated.queue, {.depth = 11}).value == EBUSY);
    CHECK(ring_error(emulated.queue, {.depth = UINT32_MAX}).value == EBUSY);
    ring first(emulated.queue, {.depth = 6});
    const auto error = ring_error(emulated.queue, {.depth = 5});
    CHECK(error.value == EBUSY);
    CHECK(error.says("depth is 10, 6 of it taken"));
    CHECK(ring_error(emulated.queue, {.depth = UINT32_MAX}).value == EBUSY);
    ring second(emulated.queue, {.depth = 4});
    CHECK(ring_error(emulated.queue, {.depth = 1}).value == EBUSY);
    second.close();
    CHECK(ring_error(emulated.queue, {.depth = 4}).value == 0);
}

TEST_CASE("a ring that its transport refuses takes no room")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    auto made = std::make_unique<refusing_drive>();
    refusing_drive& drive = *made;
    const auto queue = testing_access::make(std::move(made), {.depth = 2, .rings_max = rings_max});
    for (int i = 0; i < 3; ++i)
        CHECK(ring_error(*queue, {.depth = 2}).value == ENOMEM);
    drive.refuses = false;
    CHECK(ring_error(*queue, {.depth = 2}).value == 0);
}

TEST_CASE("destroying a poll queue with a ring attached stops the program")
{
    CHECK(aborts_saying("close every ring", [] {
        auto emulated = std::make_unique<drive>("emu:size=1M");
        ring left(emulated->queue);
        emulated.reset();
    }));
}

TEST_CASE("closing a ring inside its own callback stops the program")
{
    CHECK(aborts_saying("from inside its own callbacks", [] {
        drive emulated("emu:size=1M");
        ring own(emulated.queue);
        request r;
        r.cmd = flush_command(1);
        r.context = &own;
        r.on_complete = [](request& done) noexcept { static_cast<ring*>(done.context)->close(); };
        if (own.submit(r))
            own.wait(1);
    }));
}

TEST_CASE("asking a buffer pool for a buffer that it does not have stops the program")
{
    CHECK(aborts_saying("a buffer it does not have", [] {
        drive emulated("emu:size=1M");
        const buffer_pool pool(emulated.queue, {.count = 2, .buffer_bytes = 512});
        (void)pool.at(2);
    }));
}
