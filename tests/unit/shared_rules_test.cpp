// SPDX-License-Identifier: MIT
//
// Tests the promises of a shared queue other than finishing requests: deadlines, event loops, rings
// left open, and a warning when no thread polls.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "catch.hpp"
#include "child_process.hpp"
#include "drive.hpp"
#include "testing_access.hpp"

using namespace ngpoll;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::counted_request;
using test::drive;

namespace {

/// A thread that polls for every ring of a queue until it is destroyed.
class other_poller {
public:
    explicit other_poller(poll_queue& queue)
        : thread_([&queue, this] {
            ring own(queue, {.depth = 1});
            while (!over_.load()) {
                own.poll();
                polls_ = true;
            }
        })
    {
        while (!polls_.load())
            std::this_thread::yield();
    }
    ~other_poller()
    {
        over_ = true;
        thread_.join();
    }
    other_poller(const other_poller&) = delete;
    other_poller& operator=(const other_poller&) = delete;

private:
    std::atomic<bool> over_{false}, polls_{false};
    std::thread thread_;
};

/// Runs `child` in another process, which must end by abort(). Returns its output on stderr.
template <class Child>
std::string last_words(Child&& child)
{
    const test::child_end end = test::in_child(child);
    CHECK(end.aborted());
    return end.said;
}

std::vector<counted_request> flushes(std::size_t count)
{
    std::vector<counted_request> made(count);
    for (counted_request& r : made)
        r.cmd = flush_command(1);
    return made;
}

bool is_readable(int fd, int timeout_ms)
{
    pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, timeout_ms) == 1;
}

} // namespace

TEST_CASE("wait returns by its deadline with what has finished, and the rest comes later")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool another_polls = rings_max == 2 && GENERATE(false, true);
    CAPTURE(rings_max, to_string(role), another_polls);
    drive emulated("emu:size=1M,latency=200ms", {.depth = 8, .rings_max = rings_max, .role = role});
    std::optional<other_poller> other;
    if (another_polls)
        other.emplace(emulated.queue);
    ring own(emulated.queue, {.depth = 4});
    const test::watchdog dog(emulated.queue, own);
    counted_request r(flush_command(1));
    REQUIRE(own.submit(r));
    // The deadline has passed already, so wait returns what is there.
    CHECK(own.wait(1, steady_clock::now()) == 0);
    CHECK(own.wait(1, steady_clock::now() + milliseconds(5)) == 0);
    CHECK(r.finished == 0);
    CHECK(own.outstanding() == 1);
    CHECK(own.wait(1, steady_clock::now() + test::kDeadline) == 1);
    CHECK(r.finished == 1);
    // Nothing is outstanding, so there is nothing to wait for.
    CHECK(own.wait(1, steady_clock::now() + test::kDeadline) == 0);
}

TEST_CASE("with a resident an event loop is told when its requests are done")
{
    const std::uint32_t rings_max = GENERATE(1U, 2U);
    CAPTURE(rings_max);
    drive emulated("emu:size=1M,latency=2ms",
        {.depth = 8, .rings_max = rings_max, .role = role_policy::resident});
    const int events = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ring own(emulated.queue, {.depth = 4, .event_fd = events});
    const test::watchdog dog(emulated.queue, own);
    auto requests = flushes(3);
    std::uint64_t count = 0;
    const auto deadline_ms = static_cast<int>(test::kDeadline.count() * 1000);
    for (unsigned again = 1; again <= 20; ++again) {
        for (counted_request& r : requests)
            REQUIRE(own.submit(r));
        std::uint32_t finished = 0;
        while (finished < 3) {
            if (own.arm_event(3 - finished))
                REQUIRE(is_readable(events, deadline_ms));
            finished += own.poll();
            static_cast<void>(::eventfd_read(events, &count));
        }
        for (const counted_request& r : requests)
            CHECK(r.finished == again);
    }
    CHECK(own.stats().finished_deferred != 0);
    own.close();
    ::close(events);
}

TEST_CASE("an event loop is refused on a queue on which no thread polls while the loop waits")
{
    const int events = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (const std::uint32_t rings_max : {1U, 2U}) {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = rings_max});
        const auto error = test::error_of(
            [&] { const ring own(emulated.queue, {.depth = 4, .event_fd = events}); });
        CHECK(error.value == EINVAL);
        CHECK(error.says("resident"));
        // The refused ring has taken no room.
        const ring all(emulated.queue, {.depth = 8});
        CHECK(all.depth() == 8);
    }
    ::close(events);
}

TEST_CASE("an event loop with nothing outstanding is told to wait, and gets no event")
{
    drive emulated("emu:size=1M", {.depth = 8, .role = role_policy::resident});
    const int events = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ring own(emulated.queue, {.depth = 4, .event_fd = events});
    const test::watchdog dog(emulated.queue, own);
    CHECK(own.arm_event());
    CHECK(own.arm_event(7));
    CHECK_FALSE(is_readable(events, 5));
    // The count is cut to what is outstanding, so one request out of four gives an event.
    counted_request r(flush_command(1));
    REQUIRE(own.submit(r));
    if (own.arm_event(4))
        CHECK(is_readable(events, static_cast<int>(test::kDeadline.count() * 1000)));
    test::poll_until(own, [&] { return r.finished == 1; });
    own.close();
    ::close(events);
}

TEST_CASE("the end of a thread closes the rings that it left open")
{
    const std::uint32_t rings_max = GENERATE(1U, 3U);
    drive emulated("emu:size=1M,latency=1ms", {.depth = 12, .rings_max = rings_max});
    auto requests = flushes(8);
    std::vector<std::unique_ptr<ring>> left;
    std::thread leaving([&] {
        for (std::uint32_t i = 0; i < std::min(rings_max, 2U); ++i)
            left.push_back(std::make_unique<ring>(emulated.queue, ring::options{.depth = 4}));
        for (std::size_t i = 0; i < left.size() * 4; ++i)
            if (!left[i / 4]->submit(requests[i]))
                return;
        left.front()->flush();
    });
    leaving.join();
    for (std::size_t i = 0; i < left.size() * 4; ++i) {
        CAPTURE(i);
        CHECK(requests[i].finished == 1);
    }
    for (const auto& each : left)
        CHECK(each->outstanding() == 0);
    left.clear(); // on another thread than theirs, which is allowed because they are closed
    // Their places are free again. With rings_max 1 the queue still belongs to the first thread.
    const auto error = test::error_of([&] { const ring next(emulated.queue, {.depth = 12}); });
    CHECK(error.value == (rings_max == 1 ? EINVAL : 0));
}

TEST_CASE("after every call has returned, no ring counts as asleep or as woken")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    drive emulated("emu:size=1M,latency=0-100us", {.depth = 24, .rings_max = 3, .role = role});
    const test::watchdog dog(emulated.queue);
    std::atomic<std::uint64_t> sleeps{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            ring own(emulated.queue, {.depth = 8});
            auto requests = flushes(8);
            for (unsigned again = 1; again <= 300; ++again) {
                for (counted_request& r : requests)
                    if (!own.submit(r))
                        return;
                own.wait(8);
            }
            sleeps += own.stats().sleeps;
        });
    for (std::thread& each : threads)
        each.join();
    CHECK(sleeps != 0);
    CHECK(testing_access::sleeping(emulated.queue) == 0);
    CHECK(testing_access::woken(emulated.queue) == 0);
}

TEST_CASE("commands that no thread polls for a long time cause one warning")
{
    const std::string said = last_words([] {
        drive emulated("emu:size=1M,latency=20ms", {.depth = 8, .rings_max = 2});
        testing_access::warn_after(emulated.queue, 2'000'000);
        ring own(emulated.queue, {.depth = 4});
        counted_request r(flush_command(1));
        for (int again = 0; again < 3; ++again) {
            static_cast<void>(own.submit(r));
            own.poll();
            std::this_thread::sleep_for(milliseconds(5));
            own.poll();
            own.wait(1);
        }
        std::abort(); // last_words() expects this end
    });
    const std::size_t first = said.find("nobody polled");
    CHECK(first != std::string::npos);
    CHECK(said.find("nobody polled", first + 1) == std::string::npos);
}
