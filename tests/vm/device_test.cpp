// SPDX-License-Identifier: MIT
//
// Tests the engine on the kernel's NVMe driver. NGPOLL_TEST_DEVICE names the namespace. The tests
// only read it unless NGPOLL_TEST_WRITE=1 allows writes to it. The tag [one thread] marks the cases
// for kernel 6.1, which does not survive two polling rings.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/utsname.h>
#include <unistd.h>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/child_process.hpp"
#include "../unit/drive.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"

using namespace ngpoll;
using ngpoll::test::device_path;
using ngpoll::test::watchdog;

namespace {

constexpr std::uint32_t kDepth = 128;

/// Reads `wanted` blocks, one after the other. Checks that each request finishes once for each
/// submission, on the thread that submitted it.
class reader {
public:
    reader(poll_queue& queue, const namespace_info& device, std::uint32_t depth, bool fixed)
        : ring_(queue, {.depth = depth})
        , buffers_(queue, {.count = depth, .buffer_bytes = device.lba_bytes, .fixed = fixed})
        , slots_(depth)
    {
        for (std::uint32_t i = 0; i < depth; ++i) {
            slots_[i].cmd = read_command(device.nsid, i, 1);
            slots_[i].set_buffer(buffers_.at(i));
            slots_[i].context = this;
            slots_[i].on_complete = finished;
        }
    }

    void start(std::uint64_t wanted)
    {
        wanted_ = wanted;
        for (slot& s : slots_)
            submit(s);
    }

    void run(std::uint64_t wanted)
    {
        const watchdog dog(ring_);
        start(wanted);
        while (ring_.outstanding() != 0)
            ring_.wait(32);
        check();
        CHECK(finished_ == wanted);
    }

    /// Checks that no read was lost, repeated or finished on another thread.
    void check() const
    {
        CHECK(wrong_ == 0);
        for (const slot& s : slots_)
            REQUIRE(s.accepted == s.finished);
    }

    [[nodiscard]] ring& polling() noexcept { return ring_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }

private:
    struct slot : request {
        std::uint64_t accepted = 0;
        std::uint64_t finished = 0;
    };

    void submit(slot& s) noexcept
    {
        if (accepted_ == wanted_)
            return;
        if (!ring_.submit(s))
            return;
        ++s.accepted;
        ++accepted_;
    }

    static void finished(request& r) noexcept
    {
        auto& s = static_cast<slot&>(r);
        auto& self = *static_cast<reader*>(r.context);
        ++s.finished;
        ++self.finished_;
        if (s.finished != s.accepted || std::this_thread::get_id() != self.thread_)
            ++self.wrong_;
        if (!r.status.ok())
            ++self.failed_;
        self.submit(s);
    }

    std::thread::id thread_ = std::this_thread::get_id();
    std::uint64_t wanted_ = 0, accepted_ = 0, finished_ = 0, failed_ = 0, wrong_ = 0;
    ring ring_;
    buffer_pool buffers_;
    std::vector<slot> slots_;
};

/// Opens the drive by another name, a symbolic link, and removes the link.
nvme_namespace open_through_link()
{
    const auto link = std::filesystem::temp_directory_path()
        / ("ngpoll-device-test-" + std::to_string(::getpid()));
    std::filesystem::create_symlink(device_path(), link);
    nvme_namespace opened = nvme_namespace::open(link.string());
    std::filesystem::remove(link);
    return opened;
}

} // namespace

TEST_CASE("a namespace reports its properties", "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const namespace_info& info = device.info();
    CHECK_FALSE(info.emulated);
    CHECK(info.nsid >= 1);
    CHECK(info.serial == "ngpoll");
    CHECK(info.model == "QEMU NVMe Ctrl");
    CHECK_FALSE(info.firmware.empty());
    CHECK(info.lba_bytes >= 512);
    CHECK(info.capacity_blocks * info.lba_bytes == 1U << 30U);
    CHECK(info.transfer_bytes_max <= 4096U << 7U); // the guest's drive has mdts=7
    CHECK(info.transfer_bytes_max >= 64 * 1024);
    CHECK(info.queue_depth_max == 1023);
    CHECK(info.has_poll_queues == true);
}

TEST_CASE("reads work in every mode and with every kind of buffer", "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const poll_mode mode = GENERATE(poll_mode::polled, poll_mode::hybrid, poll_mode::interrupt);
    const bool fixed = GENERATE(true, false);
    const bool registered = GENERATE(true, false);
    CAPTURE(to_string(mode), fixed, registered);
    poll_queue queue(
        device, {.mode = mode, .registered_file = registered, .registered_ring = registered});
    if (mode != poll_mode::hybrid) // before Linux 6.13 the report says "polled" instead
        CHECK(queue.report().mode == mode);
    reader reads(queue, device.info(), kDepth, fixed);
    reads.run(2000 * test::rounds("reads of each kind, thousands", 2));
    CHECK(reads.failed() == 0);
}

TEST_CASE("errors of the drive and errors of the kernel are told apart", "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device);
    buffer_pool buffers(queue, {.count = 1, .buffer_bytes = device.info().lba_bytes});
    request r;
    ring polling(queue);
    r.set_buffer(buffers.at(0));

    r.cmd.nsid = device.info().nsid;
    r.cmd.opcode = opcode::read;
    r.cmd.slba = device.info().capacity_blocks;
    REQUIRE(polling.submit(r));
    REQUIRE(polling.wait(1) == 1);
    CHECK(r.status.errno_value == 0);
    CHECK(r.status.code_type() == 0);
    CHECK(r.status.code() == 0x80); // LBA out of range
    CHECK(r.status.text().find("LBA") != std::string::npos);

    r.cmd.slba = 0;
    r.cmd.opcode = static_cast<opcode>(0x7e);
    REQUIRE(polling.submit(r));
    REQUIRE(polling.wait(1) == 1);
    CHECK(r.status.errno_value == 0);
    CHECK(r.status.code() == 0x01); // invalid opcode

    r.cmd.opcode = opcode::read;
    r.set_buffer({.data = nullptr, .size_bytes = device.info().lba_bytes});
    r.cmd.data = 4096; // not this process's memory
    REQUIRE(polling.submit(r));
    REQUIRE(polling.wait(1) == 1);
    CHECK(r.status.errno_value == EFAULT);
    CHECK(r.status.nvme_status == 0);
}

TEST_CASE("a polled command without data works, or is refused if it would crash the kernel",
    "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device);
    REQUIRE(queue.report().mode == poll_mode::polled);
    request flush;
    flush.cmd = flush_command(device.info().nsid);
    {
        ring own(queue);
        const watchdog dog(own);
        REQUIRE(own.submit(flush));
        REQUIRE(own.wait(1) == 1);
    }
    CHECK(flush.status.errno_value == (test::kernel_is("6.1.") ? EINVAL : 0));
    CHECK(flush.status.nvme_status == 0);
    reader after(queue, device.info(), 4, true);
    after.run(16);
    CHECK(after.failed() == 0);
}

TEST_CASE("closing with polled reads in flight drains them", "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const std::uint64_t rounds = test::rounds("closings under load", 50);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        poll_queue queue(device);
        reader reads(queue, device.info(), kDepth, true);
        const watchdog dog(queue, reads.polling());
        reads.start(1 << 30);
        if (round % 2 == 0)
            reads.polling().flush(); // all in flight, and none found yet
        else
            reads.polling().poll(); // the others stay staged
        reads.polling().close();
        reads.check();
        REQUIRE(reads.polling().outstanding() == 0);
    }
}

TEST_CASE("one thread may have several rings on one poll queue", "[one thread]")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device, {.depth = 64, .rings_max = 2});
    reader first(queue, device.info(), 32, true);
    reader second(queue, device.info(), 32, true);
    const watchdog dog(queue, first.polling());
    first.start(5000);
    second.start(5000);
    while (first.polling().outstanding() + second.polling().outstanding() != 0) {
        first.polling().poll();
        second.polling().poll();
    }
    first.check();
    second.check();
    // Up to Linux 6.4 a ring that polls finishes its own requests before the other ring polls.
    if (!test::kernel_is("6.1."))
        CHECK(first.polling().stats().finished_deferred + second.polling().stats().finished_deferred
            > 0);
}

TEST_CASE("threads that share a poll queue may come and go")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const unsigned threads = GENERATE(2U, 4U);
    CAPTURE(threads);
    poll_queue queue(device, {.depth = 64 * threads, .rings_max = threads});
    const std::uint64_t rounds = test::rounds("rings opened and closed on each thread", 5);
    std::vector<std::thread> running;
    std::atomic<std::uint64_t> failed{0};
    for (unsigned t = 0; t < threads; ++t)
        running.emplace_back([&] {
            for (std::uint64_t round = 0; round < rounds; ++round) {
                reader reads(queue, device.info(), 64, true);
                reads.run(2000);
                failed += reads.failed();
            }
        });
    for (std::thread& thread : running)
        thread.join();
    CHECK(failed == 0);
}

TEST_CASE("a thread that sent another ring's requests may end without losing them", "[one thread]")
{
    // Before Linux 7.0 the completion is task work of the thread that sent the command, so a
    // resident polls.
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device, {.depth = 8, .rings_max = 2, .role = role_policy::waiter});
    reader owner(queue, device.info(), 4, true);
    const bool has_resident = test::kernel_is("6.");
    CHECK(queue.role() == (has_resident ? role_policy::resident : role_policy::waiter));
    CHECK((queue.report().declined.size() == 1) == has_resident);
    const watchdog dog(queue, owner.polling());
    const std::uint64_t rounds = test::rounds("threads that sent and ended", 200);
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        owner.start(4 * round);
        std::atomic<bool> polls{false};
        std::atomic<bool> flushed{false};
        std::thread sender([&] {
            ring own(queue, {.depth = 1});
            while (!flushed.load()) { // also sends the owner's queued requests
                own.poll();
                polls = true;
            }
        });
        while (!polls.load())
            std::this_thread::yield();
        owner.polling().flush();
        flushed = true;
        sender.join();
        while (owner.polling().outstanding() != 0)
            owner.polling().wait(4);
        owner.check();
    }
    CHECK(owner.failed() == 0);
    const ring_stats stats = owner.polling().stats();
    if (has_resident)
        CHECK(stats.finished_inline == 0);
    CHECK(stats.finished_inline + stats.finished_deferred == 4 * rounds);
}

TEST_CASE("written data is read back")
{
    if (!test::may_write()) {
        WARN("skipped: NGPOLL_TEST_WRITE=1 allows " << device_path() << " to be overwritten");
        return;
    }
    const nvme_namespace device = nvme_namespace::open(device_path(), {.writable = true});
    const std::uint32_t blocks = GENERATE(1U, 8U, 128U);
    const std::uint32_t bytes = blocks * device.info().lba_bytes;
    poll_queue queue(device);
    buffer_pool buffers(queue, {.count = 2, .buffer_bytes = bytes});
    request r;
    ring polling(queue);
    test::chance chance("written and read back");
    for (int round = 0; round < 50; ++round) {
        const std::uint64_t slba = chance.below(device.info().capacity_blocks - blocks);
        std::generate_n(buffers.at(0).data, bytes, [&] { return std::byte(chance.below(256)); });
        r.cmd = write_command(device.info().nsid, slba, blocks);
        r.set_buffer(buffers.at(0));
        REQUIRE(polling.submit(r));
        REQUIRE(polling.wait(1) == 1);
        REQUIRE(r.status.text() == "success");
        r.cmd = read_command(device.info().nsid, slba, blocks);
        r.set_buffer(buffers.at(1));
        REQUIRE(polling.submit(r));
        REQUIRE(polling.wait(1) == 1);
        REQUIRE(r.status.text() == "success");
        REQUIRE(std::memcmp(buffers.at(0).data, buffers.at(1).data, bytes) == 0);
    }
    r.cmd = flush_command(device.info().nsid);
    r.set_buffer({});
    REQUIRE(polling.submit(r));
    REQUIRE(polling.wait(1) == 1);
    CHECK(r.status.text() == "success");
}

TEST_CASE("a second polled queue on a drive is refused if the kernel may crash", "[one thread]")
{
    utsname name{};
    ::uname(&name);
    const double version = std::strtod(name.release, nullptr);
    const bool old = version < 6 || (version < 6.5 && std::strchr(name.release, '.')[2] == '.');
    const nvme_namespace device = nvme_namespace::open(device_path());
    const nvme_namespace again = nvme_namespace::open(device_path()); // as another process would
    const nvme_namespace linked = open_through_link(); // the lock is on the drive, not on the name
    {
        poll_queue first(device);
        for (const nvme_namespace* each : {&device, &again, &linked}) {
            const auto error = test::error_of([&] { poll_queue second(*each); });
            CHECK(error.value == (old ? EBUSY : 0));
            CHECK(error.says("6.4") == old);
            CHECK(test::error_of([&] { poll_queue forced(*each, {.force = true}); }).value == 0);
            const poll_queue by_interrupt(*each, {.mode = poll_mode::interrupt});
        }
    }
    const poll_queue alone(again);
}

TEST_CASE("a forked child cannot open a queue on its parent's namespace, and the parent reads on")
{
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device);
    const std::uint32_t lba_bytes = device.info().lba_bytes;
    auto pool = std::make_unique<buffer_pool>(
        queue, buffer_pool::options{.count = 1, .buffer_bytes = lba_bytes});
    auto own = std::make_unique<ring>(queue);
    CHECK(test::in_child([&] {
        const auto refused = test::error_of([&] { const poll_queue mine(device); });
        if (refused.value != EINVAL || !refused.says("open it anew in the forked child"))
            std::abort();
        own.reset();
        pool.reset();
    }).exited_well());
    test::counted_request r(read_command(device.info().nsid, 0, 1));
    r.set_buffer(pool->at(0));
    REQUIRE(own->submit(r));
    CHECK(own->wait(1) == 1);
    CHECK(r.status.ok());
    own.reset();
}
