// SPDX-License-Identifier: MIT
//
// Tests queues by interrupt on the kernel's NVMe driver. NGPOLL_TEST_DEVICE names a namespace with
// numbered blocks. NGPOLL_TEST_SLOW names one that takes kSlow for each command.
#include <algorithm>
#include <array>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/child_process.hpp"
#include "../unit/drive.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"
#include "file_descriptor.hpp"
#include "numbered_reader.hpp"

using namespace ngpoll;
using ngpoll::test::device_path;
using namespace std::chrono_literals;
using steady_clock = std::chrono::steady_clock;

namespace {

constexpr unsigned kThreads = 4;
constexpr auto kSlow = 1500ms; // set up by tests/vm/interrupt

std::string slow_path()
{
    const char* path = std::getenv("NGPOLL_TEST_SLOW");
    if (path == nullptr)
        FAIL("set NGPOLL_TEST_SLOW to a namespace that takes 1.5 s for each command");
    return path;
}

/// Options for a queue by interrupt. With NGPOLL_TEST_POLLED=1 they ask for polling, but the drive
/// has no poll queues.
poll_queue::options by_interrupt(std::uint32_t rings, std::uint32_t depth = 0)
{
    const bool asks_to_poll = test::environment_number("NGPOLL_TEST_POLLED", 0) != 0;
    return {.depth = depth,
        .rings_max = rings,
        .mode = asks_to_poll ? poll_mode::polled : poll_mode::interrupt};
}

/// The processor time of the whole process.
std::chrono::nanoseconds processor_time()
{
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// The processor time of the process while `call` runs, in percent of the time that passes.
template <class Call>
double processor_share(Call&& call)
{
    const auto cpu_before = processor_time();
    const auto before = steady_clock::now();
    call();
    const auto took = steady_clock::now() - before;
    const auto cpu = processor_time() - cpu_before;
    CHECK(took >= 900ms);
    return 100.0 * static_cast<double>(cpu.count())
        / static_cast<double>(std::chrono::nanoseconds(took).count());
}

/// Fails if each of three runs of `call` takes 1 % of a processor or more. The emulator translates
/// code that runs for the first time, which costs the guest time. A spin costs time in each run.
template <class Call>
void check_idle(const char* what, Call&& call)
{
    double least = processor_share(call);
    for (int again = 0; again < 2 && least >= 1; ++again) {
        std::printf("%s: %.2f %% of a processor, once more\n", what, least);
        least = std::min(least, processor_share(call));
    }
    std::printf("%s: %.2f %% of a processor\n", what, least);
    CHECK(least < 1);
}

/// An event loop's two descriptors.
struct event_loop {
    file_descriptor event
        = file_descriptor::opened_by([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
    file_descriptor epoll
        = file_descriptor::opened_by([] { return ::epoll_create1(EPOLL_CLOEXEC); });
    std::uint64_t interrupted = 0, timed_out = 0, woken = 0;

    event_loop()
    {
        epoll_event wanted{.events = EPOLLIN, .data = {}};
        if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &wanted) != 0)
            std::abort();
    }
    /// Sleeps until the kernel writes to the eventfd.
    void wait(std::chrono::milliseconds at_most)
    {
        epoll_event seen{};
        const int got = ::epoll_wait(epoll.get(), &seen, 1, static_cast<int>(at_most.count()));
        (got < 0 ? interrupted : got == 0 ? timed_out : woken) += 1;
        std::uint64_t count = 0;
        if (got == 1 && ::read(event.get(), &count, sizeof count) != sizeof count)
            std::abort();
    }
};

/// Calls `body(i)` on each of `count` threads.
template <class Body>
void on_threads(unsigned count, Body&& body)
{
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i)
        threads.emplace_back([&body, i] { body(i); });
    for (std::thread& each : threads)
        each.join();
}

/// Reads blocks from `first` on into the pool's buffers. Returns how many had the right data.
std::uint64_t read_right(
    ring& by, const buffer_pool& pool, const namespace_info& info, std::uint64_t first)
{
    std::vector<test::counted_request> reads(pool.count());
    for (std::uint32_t i = 0; i < pool.count(); ++i) {
        reads[i].cmd = read_command(info.nsid, first + i, 1);
        reads[i].set_buffer(pool.at(i));
        if (!by.submit(reads[i]))
            return 0;
    }
    by.wait(pool.count());
    std::uint64_t right = 0;
    for (std::uint32_t i = 0; i < pool.count(); ++i) {
        std::uint64_t found = 0;
        std::memcpy(&found, pool.at(i).data, sizeof found);
        right += reads[i].status.ok() && found == test::block_number(info.nsid, first + i);
    }
    return right;
}

} // namespace

TEST_CASE("a queue by interrupt has no resident, and each ring has its own kernel ring")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue::options requested = by_interrupt(2, 16);
    requested.role = role_policy::resident;
    poll_queue queue(device, requested);
    CHECK(queue.report().mode == poll_mode::interrupt);
    CHECK(queue.report().depth == 16);
    CHECK_FALSE(queue.shared());
    CHECK(queue.role() == role_policy::waiter);
    const auto& declined = queue.report().declined;
    CHECK(std::any_of(declined.begin(), declined.end(),
        [](const std::string& each) { return each.starts_with("resident: by interrupt"); }));
    const auto& flags = queue.report().flags;
    for (const char* flag : {"SINGLE_ISSUER", "DEFER_TASKRUN"})
        CHECK(std::count(flags.begin(), flags.end(), flag) == 1);
    CHECK(std::count(flags.begin(), flags.end(), "IOPOLL") == 0);

    // Rings share the depth, as on a polled queue.
    ring first(queue, {.depth = 10});
    CHECK(test::error_of([&] { ring second(queue, {.depth = 7}); }).value == EBUSY);
    ring second(queue, {});
    CHECK(second.depth() == 6);
    CHECK(test::error_of([&] { ring third(queue, {.depth = 1}); }).value == EBUSY);
    CHECK(queue.describe() == "by interrupt, each ring by itself; rings and groups attached: 2\n");
}

TEST_CASE("rings by interrupt on several threads read the right data")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const bool fixed = GENERATE(true, false);
    poll_queue queue(device, by_interrupt(kThreads, 32 * kThreads));
    const std::uint64_t wanted = test::rounds("reads by interrupt", 2000);
    std::array<test::read_tally, kThreads> seen;
    {
        const test::watchdog dog([&] {
            for (const test::read_tally& each : seen)
                each.print(stderr, "a thread");
        });
        on_threads(kThreads, [&](unsigned i) {
            test::numbered_reader reader(
                queue, device.info(), {.depth = 32, .fixed = fixed, .seed = i}, seen[i]);
            reader.read_until([&] { return seen[i].right >= wanted || seen[i].broken() != 0; });
        });
    }
    for (const test::read_tally& each : seen)
        test::check_tally(each, fixed);
}

TEST_CASE("pools may come and go while rings by interrupt read")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device, by_interrupt(kThreads, 16 * kThreads));
    const std::uint64_t rounds = test::rounds("pools", 50);
    const auto before_all = std::make_unique<buffer_pool>(
        queue, buffer_pool::options{.count = 8, .buffer_bytes = 512});
    std::array<std::uint64_t, kThreads> right{};
    {
        const test::watchdog dog([] {});
        on_threads(kThreads, [&](unsigned i) {
            ring own(queue, {.depth = 16});
            for (std::uint64_t round = 0; round < rounds; ++round) {
                const buffer_pool later(queue, {.count = 16, .buffer_bytes = 512});
                right[i] += read_right(own, later, device.info(), 100 * round + i);
            }
            // A pool of another thread, into which all threads may read in turn.
            static std::mutex turn;
            const std::lock_guard lock(turn);
            right[i] += read_right(own, *before_all, device.info(), i);
        });
    }
    for (const std::uint64_t each : right)
        CHECK(each == rounds * 16 + 8);
}

TEST_CASE("event loops by interrupt read the right data")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device, by_interrupt(2, 32));
    const std::uint64_t batches = test::rounds("batches of an event loop", 500);
    std::array<std::uint64_t, 2> finished{}, interrupted{}, timed_out{};
    on_threads(2, [&](unsigned i) {
        event_loop loop;
        ring own(queue, {.depth = 16, .event_fd = loop.event.get()});
        const buffer_pool pool(queue, {.count = 16, .buffer_bytes = 512});
        std::vector<test::counted_request> reads(16);
        for (std::uint64_t batch = 0; batch < batches && loop.timed_out == 0; ++batch) {
            for (std::uint32_t at = 0; at < 16; ++at) {
                reads[at].cmd = read_command(device.info().nsid, batch + at, 1);
                reads[at].set_buffer(pool.at(at));
                if (!own.submit(reads[at]))
                    std::abort();
            }
            while (own.outstanding() != 0 && loop.timed_out == 0) {
                if (own.arm_event(16))
                    loop.wait(10s);
                finished[i] += own.poll();
            }
        }
        // With nothing outstanding the ring arms nothing.
        if (!own.arm_event())
            std::abort();
        interrupted[i] = loop.interrupted;
        timed_out[i] = loop.timed_out;
    });
    for (unsigned i = 0; i < 2; ++i) {
        CHECK(finished[i] == batches * 16);
        // The kernel may interrupt the thread with work, such as starting one of its workers.
        CHECK(interrupted[i] < batches / 10);
        CHECK(timed_out[i] == 0);
    }
}

TEST_CASE("a descriptor that is no eventfd is refused")
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    poll_queue queue(device, by_interrupt(2));
    const auto error = test::error_of([&] { ring own(queue, {.event_fd = STDERR_FILENO}); });
    CHECK(error.value != 0);
    CHECK(error.says("give an eventfd(2)"));
    const ring after(queue);
}

TEST_CASE("every wait by interrupt leaves the processor idle")
{
    const nvme_namespace slow = nvme_namespace::open(slow_path());
    poll_queue queue(slow, by_interrupt(2, 8));
    event_loop loop;
    ring own(queue, {.depth = 4, .event_fd = loop.event.get()});
    const buffer_pool pool(queue, {.count = 4, .buffer_bytes = 512});
    std::array<test::counted_request, 4> reads;
    const auto start = [&](std::uint32_t i) {
        reads[i].cmd = read_command(slow.info().nsid, i, 1);
        reads[i].set_buffer(pool.at(i));
        REQUIRE(own.submit(reads[i]));
    };
    // The first call registers the buffers, and the emulator translates code that runs for the
    // first time.
    start(0);
    CHECK(own.wait(1) == 1);
    check_idle("wait(1)", [&] {
        start(0);
        CHECK(own.wait(1) == 1);
    });
    check_idle("wait(1, deadline)", [&] {
        start(1);
        const auto deadline = steady_clock::now() + 1s;
        CHECK(own.wait(1, deadline) == 0);
        CHECK(steady_clock::now() >= deadline);
        CHECK(steady_clock::now() < deadline + 300ms);
        CHECK(own.wait(1, steady_clock::now() + 10s) == 1);
    });
    check_idle("arm_event() and epoll_wait()", [&] {
        start(2);
        const std::uint64_t woken_before = loop.woken;
        while (own.outstanding() != 0) {
            if (own.arm_event())
                loop.wait(10s);
            own.poll();
        }
        CHECK(loop.woken == woken_before + 1);
    });
    check_idle("nothing to do", [&] {
        const std::uint64_t timed_out_before = loop.timed_out;
        CHECK(own.arm_event());
        loop.wait(1s);
        CHECK(loop.timed_out == timed_out_before + 1);
    });
    std::thread([&] {
        check_idle("close() with I/O in flight", [&] {
            ring closing(queue, {.depth = 4});
            test::counted_request read(read_command(slow.info().nsid, 7, 1));
            read.set_buffer(pool.at(3));
            if (!closing.submit(read))
                std::abort();
            closing.flush();
            closing.close();
            CHECK(read.finished == 1);
            CHECK(read.status.ok());
        });
    }).join();
}

namespace {

/// A check in a forked child, where Catch2's macros must not be used.
void expect(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

status outcome_of(ring& by, const namespace_info& info, const buffer& into)
{
    test::counted_request read(read_command(info.nsid, 0, 1));
    read.set_buffer(into);
    expect(by.submit(read) && by.wait(1) == 1, "one request finishes");
    return read.status;
}

/// Two rings on two threads of a user with a limit of 512 KiB of locked memory.
void exceed_locked_memory()
{
    const nvme_namespace device = nvme_namespace::open(device_path());
    const rlimit half_a_mebibyte{512U << 10U, 512U << 10U};
    ::setrlimit(RLIMIT_MEMLOCK, &half_a_mebibyte);
    expect(::setgid(65534) == 0 && ::setuid(65534) == 0, "the user can be changed");
    poll_queue queue(device, by_interrupt(3, 12));
    ring own(queue, {.depth = 4});
    const auto make_pool = [&queue](std::uint32_t count) {
        return std::make_unique<buffer_pool>(
            queue, buffer_pool::options{.count = count, .buffer_bytes = 4096, .huge_pages = false});
    };
    const auto refused = test::error_of([&] { make_pool(200); });
    expect(refused.value == ENOMEM, "a pool above the limit is refused");
    expect(refused.says("each ring registers the queue's buffers again"), "the error says why");

    std::unique_ptr<buffer_pool> pool;
    std::barrier turns(2);
    std::thread other([&] {
        ring second(queue, {.depth = 4});
        turns.arrive_and_wait();
        turns.arrive_and_wait();
        // The first buffers may have found room.
        const status missing = outcome_of(second, device.info(), pool->at(74));
        expect(missing.errno_value == ENOMEM, "there is no room for the second registration");
        alignas(512) std::byte plain[512];
        expect(outcome_of(second, device.info(), {.data = plain, .size_bytes = 512}).ok(),
            "other buffers work");
        turns.arrive_and_wait();
        turns.arrive_and_wait();
        expect(outcome_of(second, device.info(), pool->at(0)).ok(), "a smaller pool fits twice");
    });
    turns.arrive_and_wait();
    pool = make_pool(75);
    expect(outcome_of(own, device.info(), pool->at(0)).ok(), "the first ring registers the pool");
    const auto third = test::error_of([&] { const ring more(queue, {.depth = 4}); });
    expect(third.value == ENOMEM && third.says("the queue's 75 buffers"), "a new ring is refused");
    turns.arrive_and_wait();
    turns.arrive_and_wait();
    pool.reset();
    own.poll();
    pool = make_pool(30);
    turns.arrive_and_wait();
    other.join();
}

} // namespace

TEST_CASE("commands on buffers that a ring may not lock any more end with ENOMEM")
{
    if (test::kernel_is("6.1."))
        return; // unprivileged passthrough came with Linux 6.2
    const auto child = test::in_child(exceed_locked_memory);
    INFO(child.said);
    CHECK(child.exited_well());
}
