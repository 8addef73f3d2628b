// SPDX-License-Identifier: MIT
//
// A real-time thread waits on a shared queue for a poller on the same processor. If it spun or
// yielded, the poller would never run again. Needs root. It can fail only without real-time
// throttling (sched_rt_runtime_us -1), because throttling gives the poller 5 % of the processor.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"

using namespace ngpoll;

namespace {

constexpr std::uint32_t kDepth = 32;
constexpr std::uint32_t kProcessor = 0;

struct counted_read : request {
    std::uint64_t accepted = 0, finished = 0;
    std::thread::id thread;
    bool wrong = false;
};

/// A ring and its reads.
struct reader {
    std::vector<counted_read> reads{kDepth};
    buffer_pool buffers;
    ring own;

    reader(poll_queue& queue, const namespace_info& info)
        : buffers(queue, {.count = kDepth, .buffer_bytes = info.block_bytes()})
        , own(queue, {.depth = kDepth})
    {
        for (std::uint32_t i = 0; i < kDepth; ++i) {
            reads[i].cmd = read_command(info.nsid, i, 1);
            reads[i].set_buffer(buffers.at(i));
            reads[i].thread = std::this_thread::get_id();
            reads[i].on_complete = [](request& q) noexcept {
                auto& r = static_cast<counted_read&>(q);
                if (++r.finished != r.accepted || r.thread != std::this_thread::get_id()
                    || !r.status.ok())
                    r.wrong = true;
            };
        }
    }

    void read_and_wait(std::uint64_t count, std::uint32_t n)
    {
        for (counted_read& r : reads)
            if (r.accepted == r.finished && count != 0) {
                --count;
                ++r.accepted;
                if (!own.submit(r))
                    r.wrong = true;
            }
        own.wait(n);
    }

    /// Call this after close().
    [[nodiscard]] bool right() const
    {
        bool all = true;
        for (const counted_read& r : reads)
            all = all && !r.wrong && r.accepted == r.finished;
        return all;
    }
};

/// The progress of the threads, for the watchdog's thread.
struct progress {
    std::atomic<std::uint64_t> waits{0}, rings{0}, deferred{0}, sleeps{0}, others_waits{0};
    std::atomic<bool> wrong{false}, over{false};
};

void real_time(poll_queue& queue, const namespace_info& info, progress& done, std::uint64_t rings)
{
    test::stay_on(kProcessor);
    const sched_param urgent{.sched_priority = 50};
    if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &urgent) != 0)
        std::abort();
    test::chance chance(7, 0);
    for (; done.rings < rings; ++done.rings) {
        reader here(queue, info);
        for (int i = 0; i < 20; ++i) {
            here.read_and_wait(
                1 + chance.below(8), static_cast<std::uint32_t>(1 + chance.below(8)));
            ++done.waits;
        }
        here.own.close();
        done.deferred += here.own.stats().finished_deferred;
        done.sleeps += here.own.stats().sleeps;
        if (!here.right())
            done.wrong = true;
        // Lets the other thread have the processor and the role again.
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void poller(poll_queue& queue, const namespace_info& info, progress& done)
{
    test::stay_on(kProcessor);
    reader here(queue, info);
    while (!done.over) {
        here.read_and_wait(kDepth, 16);
        ++done.others_waits;
    }
    here.own.close();
    if (!here.right())
        done.wrong = true;
}

void print_state(const progress& done)
{
    std::fprintf(stderr, "real-time thread: %llu waits, %llu rings; the other: %llu waits\n",
        static_cast<unsigned long long>(done.waits), static_cast<unsigned long long>(done.rings),
        static_cast<unsigned long long>(done.others_waits));
}

} // namespace

TEST_CASE("a real-time ring gets its completions from a poller with less priority on its processor")
{
    const unsigned hogs = GENERATE(0U, 2U);
    CAPTURE(hogs);
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(test::device_path());
    poll_queue queue(device, {.depth = 2 * kDepth, .rings_max = 2});
    const std::uint64_t rings = test::rounds("real-time rings", 20);
    progress done;
    {
        const test::watchdog dog(queue, [&] { print_state(done); });
        std::vector<std::thread> running;
        running.emplace_back([&] { poller(queue, device.info(), done); });
        for (unsigned i = 0; i < hogs; ++i)
            running.emplace_back([&] {
                test::stay_on(kProcessor);
                while (!done.over) { }
            });
        std::thread([&] { real_time(queue, device.info(), done, rings); }).join();
        done.over = true;
        for (std::thread& thread : running)
            thread.join();
    }
    print_state(done);
    CHECK_FALSE(done.wrong);
    CHECK(done.waits == rings * 20);
    CHECK(done.others_waits != 0);
    // The other thread polled while this one slept, as the case needs.
    CHECK(done.deferred != 0);
    CHECK(done.sleeps != 0);
}
