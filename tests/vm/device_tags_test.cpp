// SPDX-License-Identifier: MIT
//
// Tests more commands than a hardware queue has tags. The kernel hands commands without a tag to a
// worker, which up to Linux 6.14 reads their submission entries late. An entry that was reused
// meanwhile brings another block's data, with status 0. If a buffer is not registered, the worker
// may have no process in which to look for it, which gives EFAULT.
//
// Needs a drive with numbered blocks, and the driver loaded with io_queue_depth=16, which gives 15
// tags. tests/vm/limits prepares both. Cases that need more preparation are hidden.
#include <atomic>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"
#include "numbered_reader.hpp"

using namespace ngpoll;
using std::chrono::steady_clock;
using test::device_path;

namespace {

constexpr std::uint32_t kTags = 15;
/// The depth of one queue. With a second queue as deep the tags run out.
constexpr std::uint32_t kDeep = 12;

/// NGPOLL_TEST_SECOND_NAMESPACE: another namespace of the same controller.
std::string second_device_path()
{
    const char* path = std::getenv("NGPOLL_TEST_SECOND_NAMESPACE");
    if (path == nullptr)
        FAIL("set NGPOLL_TEST_SECOND_NAMESPACE to another namespace of the drive");
    return path;
}

/// A thread to start, and the queue that it opens.
struct entrant {
    std::string path = device_path();
    poll_queue::options requested;
    std::optional<std::uint32_t> processor = std::nullopt; ///< the thread is pinned there first
};

std::vector<entrant> alike(unsigned count, poll_queue::options requested)
{
    return std::vector<entrant>(count, {.requested = requested});
}

/// The result of one thread.
struct contestant {
    entrant as;
    test::read_tally seen;
    test::thrown refused; ///< what the queue's constructor threw
    std::uint32_t depth = 0; ///< of its queue; 0: no queue
    std::thread thread;
};

/// Each thread opens a queue. After all have tried, the threads with a queue read until each of
/// them has read enough.
class contest {
public:
    contest(const std::vector<entrant>& all, bool fixed)
        : fixed_(fixed)
        , each_(all.size())
        , all_tried_(static_cast<std::ptrdiff_t>(all.size()))
        , until_(steady_clock::now() + least_length())
    {
        const test::users_of_driver none_left;
        const test::watchdog dog([this] { print(stderr); });
        for (std::size_t i = 0; i < all.size(); ++i) {
            each_[i].as = all[i];
            each_[i].thread = std::thread([this, i] { compete(each_[i], i); });
        }
        for (contestant& one : each_)
            one.thread.join();
        print(stdout);
    }

    /// Checks that `opened` threads have queues of `depth` and read the right data. The other
    /// threads must have a reason.
    void check(unsigned opened, std::uint32_t depth) const
    {
        unsigned have = 0;
        for (const contestant& one : each_) {
            CAPTURE(one.refused.text);
            if (one.depth != 0) {
                ++have;
                CHECK(one.depth == depth);
                test::check_tally(one.seen, fixed_);
            } else {
                CHECK(one.refused.value == EBUSY);
                CHECK(one.refused.says("the 15 tags"));
            }
        }
        CHECK(have == opened);
    }

private:
    /// Wrong data comes at random. An engine that reuses entries too early reads wrong data on
    /// Linux 6.12 in each second.
    static std::chrono::seconds least_length()
    {
        return std::chrono::seconds(test::rounds("contest, seconds", 1));
    }

    void compete(contestant& self, std::uint64_t seed)
    {
        if (self.as.processor)
            test::stay_on(*self.as.processor);
        const nvme_namespace device = nvme_namespace::open(self.as.path);
        std::unique_ptr<poll_queue> queue;
        self.refused = test::error_of(
            [&] { queue = std::make_unique<poll_queue>(device, self.as.requested); });
        if (queue != nullptr)
            self.depth = queue->depth();
        all_tried_.arrive_and_wait(); // orders the write of `depth` before other threads read it
        if (queue == nullptr)
            return;
        test::numbered_reader reader(
            *queue, device.info(), {.depth = self.depth, .fixed = fixed_, .seed = seed}, self.seen);
        reader.read_until([this] { return enough(); });
    }

    [[nodiscard]] bool enough() const
    {
        for (const contestant& one : each_)
            if (one.depth != 0 && one.seen.right < test::kReadsLeast && one.seen.broken() == 0)
                return false;
        return steady_clock::now() >= until_;
    }

    void print(std::FILE* to) const
    {
        for (const contestant& one : each_)
            if (one.depth != 0)
                one.seen.print(to,
                    std::string(to_string(one.as.requested.mode)) + ", depth "
                        + std::to_string(one.depth) + (fixed_ ? ", registered" : ""));
            else
                std::fprintf(to, "no queue: %s\n", one.refused.text.c_str());
    }

    const bool fixed_;
    std::vector<contestant> each_;
    std::barrier<> all_tried_;
    const steady_clock::time_point until_;
};

/// Another process of this program, which runs the case "one process of several reads".
class reading_process {
public:
    reading_process(poll_mode mode, bool fixed)
        : id_(::fork())
    {
        if (id_ != 0)
            return;
        ::setenv("NGPOLL_TEST_POLLED", mode == poll_mode::polled ? "1" : "0", 1);
        ::setenv("NGPOLL_TEST_REGISTERED", fixed ? "1" : "0", 1);
        ::execl("/proc/self/exe", "ngpoll_device_tags_test", "one process of several reads",
            static_cast<char*>(nullptr));
        ::_exit(127);
    }

    /// Waits for the process and returns its exit status. The process has its own watchdog, which
    /// is earlier than this deadline.
    int wait()
    {
        const auto late = steady_clock::now() + test::kDeadline + std::chrono::seconds(10);
        int status = 0;
        for (;;) {
            const pid_t ended = ::waitpid(id_, &status, WNOHANG);
            if (ended != 0)
                return ended == id_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            if (steady_clock::now() > late)
                FAIL("process " << id_ << " does not end");
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

private:
    pid_t id_;
};

} // namespace

TEST_CASE("polled queues of one process have at most as many commands in flight as tags")
{
    const auto [depth, opened] = GENERATE(std::pair(kDeep, 1U), std::pair(5U, 3U));
    const bool fixed = GENERATE(true, false);
    CAPTURE(depth, fixed);
    CHECK(nvme_namespace::open(device_path()).info().queue_depth_max == kTags);
    const contest six(alike(6, {.depth = depth}), fixed);
    six.check(opened, depth);
}

TEST_CASE("a depth of 0 takes the tags that are left")
{
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(device_path());
    const auto depth_left = [&] {
        const poll_queue rest(device);
        CHECK(rest.report().depth == rest.depth());
        return rest.depth();
    };
    CHECK(depth_left() == kTags);
    {
        const poll_queue some(device, {.depth = 9});
        CHECK(depth_left() == kTags - 9);
        const poll_queue rest(device);
        const auto none = test::error_of([&] { const poll_queue more(device); });
        CHECK(none.value == EBUSY);
        CHECK(none.says("the 15 tags"));
        const poll_queue by_interrupt(device, {.depth = 128, .mode = poll_mode::interrupt});
    }
    CHECK(depth_left() == kTags);
    // A depth above all tags is a wrong argument, whatever other queues have.
    CHECK(test::error_of([&] { const poll_queue deep(device, {.depth = 16}); }).value == EINVAL);
}

TEST_CASE("an I/O scheduler's requests do not count as tags", "[.scheduler]")
{
    const bool fixed = GENERATE(true, false);
    CAPTURE(fixed);
    // One ring only, because Linux 6.12 and 7.3 crash if two rings poll one hardware queue.
    const contest one(alike(1, {}), fixed);
    one.check(1, kTags);
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(device_path());
    CHECK(device.info().polled_queues_max == 1);
    {
        const poll_queue few(device, {.depth = 2});
        const auto second = test::error_of([&] { const poll_queue two(device, {.depth = 2}); });
        CHECK(second.value == EBUSY);
        CHECK(second.says("has an I/O scheduler, mq-deadline"));
        const poll_queue by_interrupt(device, {.mode = poll_mode::interrupt});
    }
    // nr_requests is 30 now, but the number of tags is unchanged.
    CHECK(test::error_of([&] { const poll_queue deep(device, {.depth = 16}); }).value == EINVAL);
    const poll_queue all_tags(device);
    CHECK(all_tags.depth() == kTags);
}

TEST_CASE("six queues by interrupt that want more than all tags read the right data")
{
    const bool fixed = GENERATE(true, false);
    const contest six(alike(6, {.depth = kDeep, .mode = poll_mode::interrupt}), fixed);
    six.check(6, kDeep);
}

TEST_CASE("two processes that want more than all tags read the right data")
{
    // Polled, with buffers that are not registered, the kernel may crash. The last case of
    // fio_engine_guest reads in that way, and tells a crash from wrong data.
    const auto [mode, fixed] = GENERATE(std::pair(poll_mode::polled, true),
        std::pair(poll_mode::interrupt, true), std::pair(poll_mode::interrupt, false));
    CAPTURE(to_string(mode), fixed);
    reading_process first(mode, fixed), second(mode, fixed);
    CHECK(first.wait() == 0);
    CHECK(second.wait() == 0);
}

TEST_CASE("one process of several reads", "[.]")
{
    const bool polled = test::environment_number("NGPOLL_TEST_POLLED", 1) != 0;
    const bool fixed = test::environment_number("NGPOLL_TEST_REGISTERED", 1) != 0;
    // By interrupt each processor has a hardware queue, so more than one ring is needed to fill
    // both.
    const unsigned queues = polled ? 1 : 3;
    const auto mode = polled ? poll_mode::polled : poll_mode::interrupt;
    const contest mine(alike(queues, {.depth = kDeep, .mode = mode}), fixed);
    mine.check(queues, kDeep);
}

TEST_CASE("two namespaces of a controller have half of the tags each", "[.two namespaces]")
{
    constexpr std::uint32_t kHalf = kTags / 2;
    const std::string other = second_device_path();
    const bool fixed = GENERATE(true, false);
    CAPTURE(fixed);
    const contest both(
        {{.requested = {.depth = kHalf}}, {.path = other, .requested = {.depth = kHalf}}}, fixed);
    both.check(2, kHalf);

    const test::users_of_driver none_left;
    const nvme_namespace first = nvme_namespace::open(device_path());
    const nvme_namespace second = nvme_namespace::open(other);
    const auto refusal = [&](const nvme_namespace& on, std::uint32_t depth) {
        return test::error_of([&] { const poll_queue queue(on, {.depth = depth}); });
    };
    {
        const poll_queue half(first, {.depth = kHalf});
        CHECK(refusal(second, kHalf + 1).value == EBUSY);
        CHECK(refusal(second, kHalf + 1).says("the 7 that"));
        const poll_queue rest(second);
        CHECK(rest.depth() == kHalf);
        CHECK(refusal(first, 1).value == EBUSY);
    }
    const poll_queue more_than_half(first, {.depth = kHalf + 1});
    CHECK(refusal(second, 1).value == EBUSY);
}

TEST_CASE("two hardware queues have separate tags", "[.two queues]")
{
    const hardware_queue_map map = read_hardware_queues(device_path());
    REQUIRE(map.unknown.empty());
    REQUIRE(map.poll_queues.size() == 2);
    std::vector<entrant> pinned;
    for (const hardware_poll_queue& each : map.poll_queues)
        pinned.push_back(
            {.requested = {.hardware_queue = each.index}, .processor = each.cpus.front()});
    const bool fixed = GENERATE(true, false);
    CAPTURE(fixed);
    const contest two(pinned, fixed);
    two.check(2, kTags);

    test::thrown unpinned, outside;
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(device_path());
    std::thread([&] {
        test::stay_on(*pinned[0].processor);
        poll_queue first(device, pinned[0].requested);
        // This queue may use any hardware queue, and one of them has no tags left.
        unpinned = test::error_of([&] { const poll_queue any(device, {.depth = 1}); });
        test::stay_on(*pinned[1].processor);
        outside = test::error_of([&] { const ring other(first, {.depth = 1}); });
    }).join();
    CAPTURE(unpinned.text, outside.text);
    CHECK(unpinned.value == EBUSY);
    CHECK(outside.value == EINVAL);
}
