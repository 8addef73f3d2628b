// SPDX-License-Identifier: MIT
//
// A poller at nice 19 runs beside a thread that takes its processor. The scheduler decides how long
// the poller has to wait, and the time grows with the load. So the bound is in slices: how often
// the poller had the processor while another ring waited for it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <semaphore>
#include <string>
#include <thread>

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../unit/catch.hpp"
#include "../unit/gap_world.hpp"
#include "../unit/support.hpp"

using namespace ngpoll;
using namespace ngpoll::test;
using std::chrono::milliseconds;

namespace {

/// One slice is enough to send a command, to find it and to hand it over. The poller may lose the
/// processor during each of these steps.
constexpr std::uint64_t kSlicesMax = 6;
constexpr int kWaits = 20;

std::int64_t now() { return static_cast<std::int64_t>(detail::now_ns()); }
double ms(std::int64_t ns) { return 1e-6 * static_cast<double>(ns); }

void stay_on(std::uint32_t processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof one, &one) != 0)
        std::abort();
}

/// Lowers the calling thread's priority only, because on Linux each thread has its own nice value.
void be_nice()
{
    if (::setpriority(PRIO_PROCESS, 0, 19) != 0)
        std::abort();
}

/// Takes processor 0 from threads with a lower weight.
class busy_thread {
public:
    busy_thread()
        : thread_([this] {
            stay_on(0);
            while (!over_.load(std::memory_order_relaxed)) { }
        })
    {
    }
    ~busy_thread()
    {
        over_.store(true, std::memory_order_relaxed);
        thread_.join();
    }
    busy_thread(const busy_thread&) = delete;
    busy_thread& operator=(const busy_thread&) = delete;

private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

/// How often a thread of this process has had a processor so far. 0: the kernel does not count.
std::uint64_t slices_of(int thread)
{
    std::uint64_t ran_ns = 0;
    std::uint64_t waited_ns = 0;
    std::uint64_t slices = 0;
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/schedstat");
    file >> ran_ns >> waited_ns >> slices;
    return slices;
}

struct waits {
    std::int64_t longest_ns = 0;
    std::int64_t all_ns = 0;
    std::uint64_t slices_most = 0; ///< the poller's slices until it found a command
    std::uint64_t slices_all = 0;
};

/// Sends one command at a time, which the nice thread must find.
waits wait_for_poller(gap_fixture& f, int poller, const std::uint64_t& slices_when_found)
{
    waits seen;
    stay_on(1);
    for (int i = 0; i < kWaits; ++i) {
        const std::int64_t from = now();
        const std::uint64_t slices_before = slices_of(poller);
        f.rings[1].stage(f.requests[1]);
        f.queue.wait(f.rings[1], 1, nullptr);
        const std::uint64_t slices = slices_when_found - slices_before;
        seen.longest_ns = std::max(seen.longest_ns, now() - from);
        seen.all_ns += now() - from;
        seen.slices_most = std::max(seen.slices_most, slices);
        seen.slices_all += slices;
    }
    f.rings[1].stage(f.requests[2]); // ends the poller's own wait
    f.queue.wait(f.rings[1], 1, nullptr);
    return seen;
}

} // namespace

TEST_CASE("rings wait for a few slices of a nice poller beside a busy thread")
{
    const bool resident = GENERATE(false, true);
    CAPTURE(resident);
    INFO("the kernel needs CONFIG_SCHED_INFO, for /proc/self/task/N/schedstat");
    REQUIRE(slices_of(::gettid()) != 0);
    gap_fixture f(resident);
    const watchdog dog([&f] { f.print(); });
    // With this request the poller has the role until it finds the other ring's last command.
    f.requests[0].takes_ns = INT64_MAX / 2;
    std::uint64_t slices_when_found = 0;
    f.drive.when_found = [&](gap_request& r) {
        if (&r == &f.requests[2])
            f.requests[0].due_ns = 0;
        else
            slices_when_found = slices_of(::gettid());
    };
    stopping_atomic<bool> stop{false};
    waits seen;
    {
        const busy_thread beside;
        std::binary_semaphore polls{0};
        int poller_id = 0;
        std::thread poller([&] {
            stay_on(0);
            be_nice();
            poller_id = ::gettid();
            detail::pass_context passes;
            polls.release();
            if (resident) {
                f.queue.its_resident.run(passes, stop);
            } else {
                f.rings[0].stage(f.requests[0]);
                f.queue.wait(f.rings[0], 1, nullptr);
            }
        });
        polls.acquire();
        while (!resident && f.queue.is_role_free())
            std::this_thread::sleep_for(milliseconds(1));
        std::thread([&] { seen = wait_for_poller(f, poller_id, slices_when_found); }).join();
        stop.store(true, std::memory_order_seq_cst);
        f.queue.its_resident.wake();
        poller.join();
    }
    std::printf(
        "%s at nice 19: %d waits took %.1f ms each, the longest %.1f ms, and %.2f slices of "
        "the poller's each, at most %llu\n",
        resident ? "a resident" : "a ring that polls", kWaits, ms(seen.all_ns) / kWaits,
        ms(seen.longest_ns), static_cast<double>(seen.slices_all) / kWaits,
        static_cast<unsigned long long>(seen.slices_most));
    CHECK(f.finished(2));
    CHECK(seen.slices_most <= kSlicesMax);
}
