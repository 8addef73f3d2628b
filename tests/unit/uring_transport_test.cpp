// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"
#include "fake_kernel.hpp"

using namespace ngpoll;
using test::counted_request;
using test::fake_drive;
using test::fake_kernel;

namespace {

struct fixture {
    std::vector<counted_request> requests{8};
    fake_drive drive;
    ring own;
    test::watchdog dog{own};

    explicit fixture(uring_transport::options with = {}, unsigned start = 0,
        std::uint32_t batch_max = 32, std::uint32_t rings_max = 1)
        : drive({.depth = 8, .rings_max = rings_max}, std::move(with), 8, start)
        , own(*drive.queue, {.depth = 8, .submit_batch_max = batch_max})
    {
        for (std::size_t i = 0; i < requests.size(); ++i)
            requests[i].cmd = read_command(1, i, 1);
    }
    ~fixture()
    {
        kernel().plan.clear();
        kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    }

    fake_kernel& kernel() { return *drive.kernel; }

    void submit(std::size_t first, std::size_t count)
    {
        for (std::size_t i = first; i < first + count; ++i)
            REQUIRE(own.submit(requests[i]));
    }

    /// True if the kernel took exactly the first `count` requests, each once and in order.
    [[nodiscard]] bool took_in_order(std::size_t count)
    {
        if (kernel().taken.size() != count)
            return false;
        for (std::size_t i = 0; i < count; ++i)
            if (kernel().taken[i].user_data != reinterpret_cast<std::uintptr_t>(&requests[i])
                || kernel().taken[i].cmd.slba != i)
                return false;
        return true;
    }
};

} // namespace

TEST_CASE("an entry carries the command, its buffer and the constant fields")
{
    const bool registered = GENERATE(true, false);
    fixture f({.registered_file = registered, .fd = 17});
    std::vector<std::byte> memory(512);
    f.requests[0].set_buffer({.data = memory.data(), .size_bytes = 512, .fixed_index = 5});
    f.requests[0].timeout_ms = 1234;
    f.requests[1].set_buffer({.data = memory.data(), .size_bytes = 512});
    f.submit(0, 2);
    f.own.poll();
    REQUIRE(f.took_in_order(2));
    for (const uapi::passthrough_sqe& sqe : f.kernel().taken) {
        CHECK(sqe.opcode == IORING_OP_URING_CMD);
        CHECK(sqe.flags == (registered ? IOSQE_FIXED_FILE : 0));
        CHECK(sqe.fd == (registered ? 0 : 17));
        CHECK(sqe.cmd_op == NVME_URING_CMD_IO);
        CHECK(sqe.cmd.opcode == opcode::read);
        CHECK(sqe.cmd.nsid == 1);
        CHECK(sqe.cmd.data == reinterpret_cast<std::uintptr_t>(memory.data()));
        CHECK(sqe.cmd.data_bytes == 512);
    }
    CHECK(f.kernel().taken[0].uring_cmd_flags == IORING_URING_CMD_FIXED);
    CHECK(f.kernel().taken[0].buf_index == 5);
    CHECK(f.kernel().taken[0].timeout_ms == 1234);
    CHECK(f.kernel().taken[1].uring_cmd_flags == 0);
    CHECK(f.kernel().taken[1].timeout_ms == 0);
}

TEST_CASE("a reused entry carries nothing of the command before")
{
    fixture f;
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    std::vector<std::byte> memory(512);
    for (counted_request& r : f.requests) {
        r.set_buffer({.data = memory.data(), .size_bytes = 512, .fixed_index = 7});
        r.timeout_ms = 9;
        r.cmd.cdw13 = 1;
    }
    f.submit(0, 8);
    CHECK(f.own.wait(8) == 8);
    f.kernel().taken.clear();
    for (counted_request& r : f.requests) {
        r.cmd = flush_command(1);
        r.set_buffer({});
        r.timeout_ms = 0;
    }
    f.submit(0, 8);
    CHECK(f.own.wait(8) == 8);
    REQUIRE(f.kernel().taken.size() == 8);
    for (const uapi::passthrough_sqe& sqe : f.kernel().taken) {
        CHECK(sqe.uring_cmd_flags == 0);
        CHECK(sqe.cmd.opcode == opcode::flush);
        CHECK(sqe.cmd.data == 0);
        CHECK(sqe.cmd.cdw13 == 0);
        CHECK(sqe.timeout_ms == 0);
    }
}

TEST_CASE("if the kernel needs data, only commands without data are marked to be refused")
{
    const bool needs_data = GENERATE(true, false);
    fake_drive drive({.depth = 4, .rings_max = 1}, {.needs_data = needs_data}, 4, 0, true);
    drive.kernel->on_enter = [](fake_kernel& k) { k.complete_all(); };
    ring own(*drive.queue);
    std::vector<std::byte> memory(512);
    std::vector<counted_request> requests(3);
    // Three requests do not fill four places, so each entry gets both kinds in turn.
    for (unsigned round = 0; round < 4; ++round) {
        drive.kernel->taken.clear();
        for (unsigned i = 0; i < 3; ++i) {
            const bool reads = (round + i) % 2 == 0;
            requests[i].cmd = reads ? read_command(1, i, 1) : flush_command(1);
            requests[i].set_buffer(
                reads ? buffer{.data = memory.data(), .size_bytes = 512} : buffer{});
            REQUIRE(own.submit(requests[i]));
        }
        CHECK(own.wait(3) == 3);
        REQUIRE(drive.kernel->taken.size() == 3);
        for (const uapi::passthrough_sqe& sqe : drive.kernel->taken)
            CHECK((sqe.cmd.flags != 0) == (needs_data && sqe.cmd.opcode == opcode::flush));
    }
    for (const counted_request& r : requests)
        CHECK(r.cmd.flags == 0);
}

TEST_CASE("a short submit continues where it stopped, and each command is sent once and in order")
{
    fixture f({}, GENERATE(0U, 0xfffffffdU));
    f.kernel().plan = {3, 0, 4};
    f.submit(0, 8);
    f.own.poll();
    CHECK(f.took_in_order(3));
    CHECK(f.own.stats().sent == 3);
    f.own.poll();
    CHECK(f.took_in_order(3));
    f.own.poll();
    CHECK(f.took_in_order(7));
    f.own.poll();
    CHECK(f.took_in_order(8));
    CHECK(f.own.stats().sent == 8);
    CHECK(f.own.stats().system_calls == 4);
    CHECK(f.kernel().calls[0].to_submit == 8);
    CHECK(f.kernel().calls[1].to_submit == 5);
    CHECK(f.kernel().calls[2].to_submit == 5);
    CHECK(f.kernel().calls[3].to_submit == 1);
}

TEST_CASE("a temporary error is tried again, with nothing lost or repeated")
{
    const int error = GENERATE(EAGAIN, EBUSY, EINTR, ENOMEM);
    CAPTURE(error);
    fixture f;
    f.kernel().plan = {-error, 2, -error, -error};
    f.submit(0, 4);
    for (int pass = 0; pass < 4; ++pass)
        CHECK(f.own.poll() == 0);
    CHECK(f.took_in_order(2));
    CHECK(f.own.outstanding() == 4);
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    CHECK(f.own.wait(4) == 4);
    CHECK(f.took_in_order(4));
    CHECK(f.own.stats().sent == 4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(f.requests[i].finished == 1);
}

TEST_CASE("a pass finds completions although its call to the kernel failed")
{
    fixture f;
    f.submit(0, 3);
    f.own.poll();
    f.kernel().complete(1, 0);
    f.kernel().plan = {-EBUSY};
    CHECK(f.own.poll() == 1);
    CHECK(f.requests[1].finished == 1);
}

TEST_CASE("wait goes on after errors until everything is done")
{
    fixture f;
    f.kernel().plan = {-EAGAIN, 1, -EINTR, 3, -ENOMEM, -EBUSY, 0, 2};
    f.kernel().on_enter = [](fake_kernel& k) {
        if (!k.in_flight.empty())
            k.complete(k.in_flight.size() - 1, 0);
    };
    f.submit(0, 8);
    CHECK(f.own.wait(8) == 8);
    CHECK(f.took_in_order(8));
    for (const counted_request& r : f.requests)
        CHECK(r.finished == 1);
}

TEST_CASE("completions in any order find their requests, with errno, status and result apart")
{
    fixture f;
    f.submit(0, 4);
    f.own.poll();
    f.kernel().complete(2, 0x4080); // request 2
    f.kernel().complete(2, -EIO); // request 3
    f.kernel().complete(0, 0, 0x1122334455667788); // request 0
    CHECK(f.own.poll() == 3);
    CHECK(f.requests[2].status == status{.nvme_status = 0x4080});
    CHECK(f.requests[3].status == status{.errno_value = EIO});
    CHECK(f.requests[0].status.ok());
    CHECK(f.requests[0].result == 0x1122334455667788);
    CHECK(f.requests[1].finished == 0);
    CHECK(f.own.outstanding() == 1);
}

TEST_CASE("a success after a failure reports no failure")
{
    fixture f;
    for (const int res : {0x0281, 0, -EIO, 0}) {
        f.submit(0, 1);
        f.own.poll();
        f.kernel().complete(0, res, 7);
        CHECK(f.own.poll() == 1);
        CHECK(f.requests[0].status == status_from_result(res));
    }
}

TEST_CASE("the indices wrap at the end of the arrays and of the 32-bit count")
{
    const unsigned start = GENERATE(0U, 5U, 0xfffffff0U, 0xffffffffU);
    CAPTURE(start);
    fixture f({}, start);
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    for (unsigned round = 1; round <= 50; ++round) {
        const std::size_t count = 1 + round % 8;
        for (counted_request& r : f.requests)
            r.finished = 0;
        f.submit(0, count);
        REQUIRE(f.own.wait(8) == count);
        for (std::size_t i = 0; i < 8; ++i)
            REQUIRE(f.requests[i].finished == (i < count ? 1 : 0));
    }
}

TEST_CASE("each call sends at most submit_batch_max commands, and polling sends everything")
{
    fixture f({}, 0, 3);
    f.submit(0, 8);
    for (int poll = 0; poll < 3; ++poll)
        f.own.poll();
    CHECK(f.took_in_order(8));
    CHECK(f.kernel().calls[0].to_submit == 3);
    for (const fake_kernel::call& each : f.kernel().calls)
        CHECK(each.to_submit <= 3);
    CHECK((f.kernel().calls.back().flags & IORING_ENTER_GETEVENTS) != 0);
    CHECK(f.own.stats().system_calls == f.kernel().calls.size());
    CHECK(f.own.stats().sent == 8);
}

TEST_CASE("batches keep their order wherever the ring's staging starts")
{
    fixture f({}, 0, 3);
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    for (std::size_t round = 0; round < 20; ++round) {
        const std::size_t count = 1 + round % 7;
        f.kernel().taken.clear();
        f.submit(0, count);
        REQUIRE(f.own.wait(8) == count);
        REQUIRE(f.took_in_order(count));
    }
}

TEST_CASE("flush sends everything in batches and looks for no completions")
{
    fixture f({}, 0, 3);
    f.submit(0, 8);
    f.own.flush();
    CHECK(f.took_in_order(8));
    for (const fake_kernel::call& each : f.kernel().calls) {
        CHECK(each.to_submit <= 3);
        CHECK((each.flags & IORING_ENTER_GETEVENTS) == 0);
    }
    CHECK(f.own.stats().passes == 0);
    CHECK(f.own.stats().sent == 8);
}

TEST_CASE("submit_and_wait sends and waits with one call, after what was staged before")
{
    const std::size_t staged_before = GENERATE(0U, 1U);
    fixture f({}, GENERATE(0U, 0xfffffffdU));
    f.kernel().on_enter = [](fake_kernel& k) { k.complete_all(); };
    const auto all = test::pointers(f.requests);
    f.submit(0, staged_before);
    CHECK(f.own.submit_and_wait(std::span(all).subspan(staged_before), 8) == 8);
    CHECK(f.took_in_order(8));
    REQUIRE(f.kernel().calls.size() == 1);
    CHECK(f.kernel().calls[0].to_submit == 8);
    CHECK(f.kernel().calls[0].min_complete == 8);
    for (const counted_request& r : f.requests)
        CHECK(r.finished == 1);
}

TEST_CASE("submit_and_wait with n = 0 sends and looks for no completions")
{
    fixture f;
    const auto all = test::pointers(f.requests);
    CHECK(f.own.submit_and_wait(std::span(all).first(3), 0) == 0);
    CHECK(f.own.submit_and_wait({}, 0) == 0);
    CHECK(f.took_in_order(3));
    REQUIRE(f.kernel().calls.size() == 1);
    CHECK((f.kernel().calls[0].flags & IORING_ENTER_GETEVENTS) == 0);
    CHECK(f.own.outstanding() == 3);
}

TEST_CASE("submit_and_wait goes on if the kernel took or found less")
{
    fixture f;
    const auto all = test::pointers(f.requests);
    f.kernel().plan = {3, -EAGAIN, 2};
    f.kernel().on_enter = [](fake_kernel& k) {
        if (!k.in_flight.empty())
            k.complete(0, 0);
    };
    CHECK(f.own.submit_and_wait(all, 8) == 8);
    CHECK(f.took_in_order(8));
    CHECK(f.own.outstanding() == 0);
}

TEST_CASE("the next poll sends the requests that a flush could not send")
{
    fixture f;
    f.kernel().plan = {-EAGAIN};
    f.submit(0, 4);
    f.own.flush();
    CHECK(f.took_in_order(0));
    CHECK(f.own.outstanding() == 4);
    f.own.poll();
    CHECK(f.took_in_order(4));
}

TEST_CASE("poll never waits in the kernel, and wait does after everything is sent")
{
    fixture f({}, 0, 4);
    f.submit(0, 8);
    f.own.poll();
    CHECK(f.kernel().calls.back().min_complete == 0);
    CHECK((f.kernel().calls.back().flags & IORING_ENTER_GETEVENTS) != 0);
    f.kernel().on_enter = [](fake_kernel& k) {
        for (unsigned i = k.calls.back().min_complete; i != 0 && !k.in_flight.empty(); --i)
            k.complete(0, 0);
    };
    CHECK(f.own.wait(5) == 5);
    CHECK(f.kernel().calls.back().min_complete == 5);
    CHECK(f.own.wait(100) == 3); // at most as many as are outstanding
    CHECK(f.kernel().calls.back().min_complete == 3);
}

TEST_CASE("a ring of a shared queue never waits in the kernel")
{
    fixture f({}, 0, 32, 2);
    f.submit(0, 8);
    f.kernel().on_enter = [](fake_kernel& k) {
        if (k.calls.size() >= 3 && !k.in_flight.empty())
            k.complete(0, 0);
    };
    CHECK(f.own.wait(8) == 8);
    for (const fake_kernel::call& each : f.kernel().calls)
        CHECK(each.min_complete == 0);
}

TEST_CASE("closing polls until the kernel's requests are done, and aborts the others")
{
    fixture f;
    f.kernel().plan = {2};
    f.submit(0, 4);
    f.own.poll(); // 4 prepared, the kernel took 2
    f.submit(4, 4); // staged
    f.kernel().on_enter = [](fake_kernel& k) {
        if (k.calls.size() > 5 && !k.in_flight.empty())
            k.complete(k.in_flight.size() - 1, 0);
    };
    f.own.close();
    CHECK(f.kernel().in_flight.empty());
    CHECK(f.took_in_order(4));
    for (std::size_t i = 0; i < 8; ++i) {
        CAPTURE(i);
        CHECK(f.requests[i].finished == 1);
        CHECK(f.requests[i].status == status{.errno_value = i < 4 ? 0 : ECANCELED});
    }
    CHECK(f.kernel().attached == 0);
}

TEST_CASE("a ring that closes leaves other rings' commands alone")
{
    counted_request r(flush_command(1));
    fake_drive drive({.depth = 8, .rings_max = 2});
    ring sender(*drive.queue, {.depth = 4});
    ring owner(*drive.queue, {.depth = 4});
    REQUIRE(owner.submit(r));
    owner.flush();
    sender.poll();
    sender.close();
    CHECK(drive.kernel->in_flight.size() == 1);
    drive.kernel->on_enter = [](fake_kernel& k) { k.complete_all(); };
    CHECK(owner.wait(1) == 1);
    CHECK(r.finished == 1);
}

TEST_CASE("a closed ring does not enter the kernel any more")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    fixture f({}, 0, 32, rings_max);
    f.own.close();
    const std::size_t calls = f.kernel().calls.size();
    CHECK(f.own.poll() == 0);
    CHECK(f.own.wait(1) == 0);
    f.own.flush();
    CHECK(f.kernel().calls.size() == calls); // its seat is given back
}

TEST_CASE("requests that the kernel refuses for good end with its errno, and the ring goes on")
{
    const bool has_array = GENERATE(false, true);
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    fake_drive drive({.depth = 8, .rings_max = rings_max}, {}, 8, 0xfffffffeU, has_array);
    std::vector<counted_request> requests(8);
    ring own(*drive.queue, {.depth = 8});
    const test::watchdog dog(own);
    drive.kernel->on_enter = [](fake_kernel& k) { k.complete_all(); };
    for (int again = 0; again < 3; ++again) {
        CAPTURE(has_array, rings_max, again);
        drive.kernel->plan = {-ENXIO, -ENXIO}; // two calls if the array wraps
        for (std::size_t i = 0; i < 3; ++i)
            REQUIRE(own.submit(requests[i]));
        CHECK(own.wait(3) == 3);
        drive.kernel->plan.clear();
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(requests[i].status == status{.errno_value = ENXIO});
        for (counted_request& r : requests)
            REQUIRE(own.submit(r));
        CHECK(own.wait(8) == 8);
        for (const counted_request& r : requests)
            CHECK(r.status.ok());
    }
    CHECK(drive.kernel->rewritten == 0);
}

TEST_CASE("requests that a flush could not send end with the errno in the next pass")
{
    fixture f;
    f.kernel().plan = {-ENXIO, -ENXIO};
    f.submit(0, 8);
    f.own.flush();
    CHECK(f.own.outstanding() == 8);
    CHECK(f.own.poll() == 8);
    CHECK(f.requests[7].status.errno_value == ENXIO);
}

TEST_CASE("a ring that cannot be entered any more stops the program if requests are in flight")
{
    CHECK(test::aborts_saying("errno 6): the requests in flight can never finish", [] {
        fixture f;
        f.submit(0, 1);
        f.own.poll();
        f.kernel().plan = {-ENXIO};
        f.own.poll();
    }));
}

TEST_CASE("a buffer pool has the indices that the kernel gave, and gives them back")
{
    fixture f;
    {
        const buffer_pool pool(*f.drive.queue, {.count = 3, .buffer_bytes = 4096});
        CHECK(f.kernel().registered == 3);
        CHECK(pool.at(0).fixed_index == 40);
        CHECK(pool.at(2).fixed_index == 42);
        const buffer_pool plain(*f.drive.queue, {.count = 3, .buffer_bytes = 4096, .fixed = false});
        CHECK(f.kernel().registered == 3);
        CHECK(plain.at(1).fixed_index == buffer::kNotFixed);
    }
    CHECK(f.kernel().registered == 0);
}
