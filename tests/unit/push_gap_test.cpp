// SPDX-License-Identifier: MIT
//
// One thread stops between the two steps of a push, and another thread depends on the second step.
// With NGPOLL_TEST_REAL_TIME=1, which needs root, the threads share processor 0. The thread that
// depends then has real-time priority, so a spin of it would stop the other thread forever.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <semaphore>
#include <thread>

#include <pthread.h>
#include <sched.h>

#include "catch.hpp"
#include "gap_world.hpp"
#include "support.hpp"

using namespace ngpoll;
using namespace ngpoll::test;
using std::chrono::milliseconds;

namespace {

bool is_real_time()
{
    static const bool asked = environment_number("NGPOLL_TEST_REAL_TIME", 0) != 0;
    return asked;
}

/// The longest allowed processor time between two naps. The kernel stops a real-time thread after
/// 950 ms or not at all. In a guest the figure includes time that the host gives to others.
std::int64_t spin_max_ns() { return is_real_time() ? 100'000'000 : 20'000'000; }
/// Longer than any case takes, and shorter than the watchdog's deadline.
constexpr milliseconds kLate{1000};

void share_processor()
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (is_real_time() && ::pthread_setaffinity_np(::pthread_self(), sizeof one, &one) != 0)
        std::abort();
}

/// A thread on which other threads depend.
class lower_thread {
public:
    explicit lower_thread(std::function<void()> work)
        : thread_([work = std::move(work)] {
            share_processor();
            work();
        })
    {
    }
    ~lower_thread() { thread_.join(); }
    lower_thread(const lower_thread&) = delete;
    lower_thread& operator=(const lower_thread&) = delete;

private:
    std::thread thread_;
};

/// The thread that depends on the lower threads. It loses its priority if it keeps them from the
/// processor, so that the case ends and prints its figures.
class upper_thread {
public:
    explicit upper_thread(std::function<void()> work)
        : thread_([work = std::move(work)] {
            share_processor();
            const sched_param urgent{.sched_priority = 50};
            if (is_real_time()
                && ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &urgent) != 0)
                std::abort();
            work();
        })
    {
    }
    ~upper_thread() { thread_.join(); }
    upper_thread(const upper_thread&) = delete;
    upper_thread& operator=(const upper_thread&) = delete;

    /// True if `over` returned true in time.
    bool lets_others(const std::function<bool()>& over)
    {
        const auto late = std::chrono::steady_clock::now() + kLate;
        while (!over()) {
            if (std::chrono::steady_clock::now() > late) {
                const sched_param none{};
                ::pthread_setschedparam(thread_.native_handle(), SCHED_OTHER, &none);
                return false;
            }
            std::this_thread::sleep_for(milliseconds(1));
        }
        return true;
    }

private:
    std::thread thread_;
};

/// Stops between the steps of a push. In real time it runs for 2 ms of its own processor time,
/// which it gets only while the thread above it sleeps.
void stay_stopped()
{
    if (!is_real_time()) {
        std::this_thread::sleep_for(milliseconds(100));
        return;
    }
    for (const std::int64_t until = thread_cpu_ns() + 2'000'000; thread_cpu_ns() < until;)
        detail::relax();
}

void check_naps(const char* who, const spin_figures& figures)
{
    std::printf("%s: %.1f ms, %.2f ms of processor time, at most %.2f ms at a stretch, %lld naps\n",
        who, 1e-6 * static_cast<double>(figures.wall_ns),
        1e-6 * static_cast<double>(figures.cpu_ns), 1e-6 * static_cast<double>(figures.longest_ns),
        static_cast<long long>(figures.naps));
    CHECK(figures.naps != 0);
    CHECK(figures.longest_ns < spin_max_ns());
    if (is_real_time())
        CHECK(figures.cpu_ns < spin_max_ns());
    else
        CHECK(figures.cpu_ns < figures.wall_ns / 2);
}

} // namespace

TEST_CASE("a ring that polls naps while an earlier push is between its steps")
{
    gap_fixture f(false);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore stopped{0};
    std::atomic<bool> waits{false};
    spin_figures figures;
    bool in_time = false;
    {
        upper_thread above([&] {
            stopped.acquire();
            f.rings[1].stage(f.requests[1]);
            waits.store(true);
            figures = meter.measure([&] { f.queue.wait(f.rings[1], 1, nullptr); });
        });
        const lower_thread below([&] {
            f.rings[0].stage(f.requests[0]);
            between_steps = [&] {
                stopped.release();
                while (!waits.load()) // on a busy machine this comes late
                    std::this_thread::yield();
                stay_stopped();
            };
            f.queue.wait(f.rings[0], 1, nullptr);
        });
        in_time = above.lets_others([&f] { return f.finished(0) && f.finished(1); });
    }
    CHECK(in_time);
    check_naps("a ring that polls", figures);
}

TEST_CASE("a resident naps while a push is between its steps")
{
    gap_fixture f(true);
    const watchdog dog([&f] { f.print(); });
    stopping_atomic<bool> stop{false};
    spin_figures figures;
    bool in_time = false;
    {
        upper_thread above([&] {
            detail::pass_context passes;
            figures = meter.measure([&] { f.queue.its_resident.run(passes, stop); });
        });
        const lower_thread below([&] {
            while (!f.queue.its_resident.is_asleep())
                std::this_thread::sleep_for(milliseconds(1));
            f.rings[0].stage(f.requests[0]);
            between_steps = [&f] {
                f.queue.its_resident.wake(); // as a ring does that pushes behind this one
                stay_stopped();
            };
            f.queue.wait(f.rings[0], 1, nullptr);
        });
        in_time = above.lets_others([&f] { return f.finished(0); });
        stop.store(true, std::memory_order_seq_cst);
        f.queue.its_resident.wake();
    }
    CHECK(in_time);
    check_naps("a resident", figures);
}

TEST_CASE("a ring naps while the polling ring is between the steps of a hand-over to it")
{
    const std::uint32_t looks_skipped = GENERATE(0U, 1U);
    CAPTURE(looks_skipped);
    gap_fixture f(false);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore sent{0}, stopped{0};
    f.requests[0].takes_ns = 10'000'000;
    f.requests[1].takes_ns = 3'000'000;
    f.drive.when_found = [&](gap_request& r) {
        if (&r == &f.requests[1])
            between_steps = [&stopped] {
                stopped.release();
                stay_stopped();
            };
    };
    spin_figures figures;
    bool in_time = false;
    {
        upper_thread above([&] {
            f.rings[1].stage(f.requests[1]);
            f.queue.flush(f.rings[1]);
            sent.release();
            stopped.acquire();
            f.rings[1].spins.to_skip = looks_skipped;
            figures = meter.measure([&] { f.queue.wait(f.rings[1], 1, nullptr); });
        });
        const lower_thread below([&] {
            sent.acquire();
            f.rings[0].stage(f.requests[0]);
            f.queue.wait(f.rings[0], 1, nullptr);
        });
        in_time = above.lets_others([&f] { return f.finished(0) && f.finished(1); });
    }
    CHECK(in_time);
    check_naps("a ring below which another polls", figures);
}

TEST_CASE("a ring naps while the resident is between the steps of a hand-over to it")
{
    const std::uint32_t looks_skipped = GENERATE(0U, 1U);
    CAPTURE(looks_skipped);
    gap_fixture f(true);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore stopped{0};
    stopping_atomic<bool> stop{false};
    f.requests[1].takes_ns = 3'000'000;
    f.drive.when_found = [&](gap_request&) {
        between_steps = [&stopped] {
            stopped.release();
            stay_stopped();
        };
    };
    spin_figures figures;
    bool in_time = false;
    {
        const lower_thread below([&] {
            detail::pass_context passes;
            f.queue.its_resident.run(passes, stop);
        });
        upper_thread above([&] {
            f.rings[1].stage(f.requests[1]);
            f.queue.flush(f.rings[1]);
            stopped.acquire();
            f.rings[1].spins.to_skip = looks_skipped;
            figures = meter.measure([&] { f.queue.wait(f.rings[1], 1, nullptr); });
        });
        in_time = above.lets_others([&f] { return f.finished(1); });
        stop.store(true, std::memory_order_seq_cst);
        f.queue.its_resident.wake();
    }
    CHECK(in_time);
    check_naps("a ring below which the resident polls", figures);
}

TEST_CASE("a ring polls on beside a stopped push, and releases the role without a wait")
{
    gap_fixture f(false);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore sent{0}, stopped{0}, returned{0};
    f.requests[1].takes_ns = 5'000'000;
    spin_figures figures;
    bool went_on_first = false, in_time = false, free_at_return = false;
    {
        upper_thread above([&] {
            f.rings[1].stage(f.requests[1]);
            f.queue.flush(f.rings[1]);
            sent.release();
            stopped.acquire();
            figures = meter.measure([&] { f.queue.wait(f.rings[1], 1, nullptr); });
            free_at_return = f.queue.is_role_free() && f.queue.has_queued();
            returned.release();
        });
        const lower_thread below([&] {
            sent.acquire();
            f.rings[0].stage(f.requests[0]);
            between_steps = [&] {
                stopped.release();
                went_on_first = !returned.try_acquire_for(kLate);
            };
            f.queue.wait(f.rings[0], 1, nullptr);
        });
        in_time = above.lets_others([&f] { return f.finished(0); });
    }
    CHECK(in_time);
    CHECK_FALSE(went_on_first);
    CHECK(free_at_return);
    // The ring polled only for its command in flight.
    CHECK(figures.naps == 0);
    CHECK(figures.cpu_ns < spin_max_ns());
    // The stopped thread found the role free and needed no help.
    CHECK(f.rings[0].passes.passes.get() != 0);
    CHECK(f.rings[0].passes.sleeps.get() == 0);
}

TEST_CASE("a release sends the request of a thread that tried for the role meanwhile")
{
    gap_fixture f(false);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore sent{0}, stopped{0}, go_on{0}, tried{0};
    f.requests[1].takes_ns = 5'000'000;
    bool in_time = false, was_late = false;
    {
        upper_thread above([&] {
            f.rings[1].stage(f.requests[1]);
            f.queue.flush(f.rings[1]);
            sent.release();
            stopped.acquire();
            f.drive.when_turn_ends = [&, turn = 0]() mutable {
                if (++turn != 2)
                    return;
                // The releasing ring has looked again and found the gap. Now the push goes on.
                go_on.release();
                was_late = !tried.try_acquire_for(kLate);
            };
            f.queue.wait(f.rings[1], 1, nullptr);
        });
        const lower_thread below([&] {
            sent.acquire();
            f.rings[0].stage(f.requests[0]);
            between_steps = [&] {
                stopped.release();
                go_on.acquire();
            };
            f.queue.flush(f.rings[0]);
            tried.release();
        });
        in_time = above.lets_others([&f] { return f.finished(1); });
    }
    CHECK(in_time);
    CHECK_FALSE(was_late);
    CHECK(f.drive.sent.get() == 2);
    f.drive.when_turn_ends = nullptr;
    f.queue.wait(f.rings[0], 1, nullptr);
}

TEST_CASE("a release looks again if a third ring pushed behind a gap, and then leaves the gap")
{
    gap_fixture f(false);
    const watchdog dog([&f] { f.print(); });
    std::binary_semaphore sent{0}, stopped{0}, go_on{0}, third{0}, tried{0};
    f.requests[1].takes_ns = 5'000'000;
    bool in_time = false, was_late = false;
    std::atomic<int> looks{0};
    std::uint64_t sent_at_return = 0;
    {
        upper_thread above([&] {
            f.rings[1].stage(f.requests[1]);
            f.queue.flush(f.rings[1]);
            sent.release();
            stopped.acquire();
            f.drive.when_turn_ends = [&] {
                if (++looks != 2)
                    return;
                third.release();
                was_late = !tried.try_acquire_for(kLate);
            };
            f.queue.wait(f.rings[1], 1, nullptr);
            sent_at_return = f.drive.sent.get();
            f.drive.when_turn_ends = nullptr;
            go_on.release();
        });
        const lower_thread pushes_behind([&] {
            third.acquire();
            f.rings[2].stage(f.requests[2]);
            f.queue.flush(f.rings[2]);
            tried.release();
        });
        const lower_thread below([&] {
            sent.acquire();
            f.rings[0].stage(f.requests[0]);
            between_steps = [&] {
                stopped.release();
                was_late = !go_on.try_acquire_for(2 * kLate) || was_late;
            };
            f.queue.flush(f.rings[0]);
        });
        in_time = above.lets_others([&f] { return f.drive.sent.get() == 3; });
    }
    CHECK(in_time);
    CHECK_FALSE(was_late);
    // The turn's own end, the look that the third ring asked for, and one more after which no ring
    // tried.
    CHECK(looks == 3);
    CHECK(sent_at_return == 1);
    // The stopped thread sent its own command and the one behind it.
    CHECK(f.rings[0].passes.sent.get() == 2);
    f.queue.wait(f.rings[0], 1, nullptr);
    f.queue.wait(f.rings[2], 1, nullptr);
}
