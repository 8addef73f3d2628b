// SPDX-License-Identifier: MIT
//
// Measures what the ngpoll command cannot measure of threads on one poll queue. It only reads. The
// script many_threads runs it in a virtual machine.
//
// - latency DEVICE THREADS DEPTH SECONDS: the time from submit() to the callback, with each thread
//   in wait(1). One thread has a queue of its own; with a last argument other than "auto" it has a
//   shared one.
// - release DEVICE THREADS DEPTH SECONDS: the time from the release of the poller's role to the
//   next pass of any ring. All threads are waiters, in wait(32).
// - gap DEVICE DEPTH TIMES blocked|computing: the ring that polls spends a second on its own work.
//   Prints the longest time that the other rings get no completions.
// - gap DEVICE DEPTH TIMES staying: the same while that ring goes on to poll. This time shows what
//   the machine does anyway.
// - pauses THREADS SECONDS: the longest pause in each second of threads that only look at the
//   clock. No gap can be shorter.
// - sleepers DEVICE: the processor time of rings that wait while another ring polls. The drive
//   should take a second or more for a read.
//
// A last argument of latency, gap and sleepers chooses the poller, as `ngpoll bench --role` does.
// With a resident poller, the ring that turns to its own work is a ring like the others.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "timed_transport.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

double milliseconds_of(nanoseconds time) { return duration<double, std::milli>(time).count(); }

/// A ring kept full of 512-byte reads. The derived class handles each completion.
class reader {
public:
    reader(ngpoll::poll_queue& queue, const ngpoll::nvme_namespace& drive, std::uint32_t depth)
        : buffers_(queue, {.count = depth, .buffer_bytes = drive.info().block_bytes()})
        , requests_(depth)
        , ring(queue, {.depth = depth})
    {
        for (std::uint32_t i = 0; i < depth; ++i) {
            timed_read& r = requests_[i];
            r.cmd = ngpoll::read_command(drive.info().nsid, i * 8, 1);
            r.set_buffer(buffers_.at(i));
            r.by = this;
            r.on_complete = [](ngpoll::request& done) noexcept {
                auto& read = static_cast<timed_read&>(done);
                read.by->completed(clock_type::now() - read.submitted);
                if (read.by->again)
                    read.by->submit(read);
            };
        }
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    void fill()
    {
        for (timed_read& r : requests_)
            submit(r);
    }

protected:
    ~reader() = default;
    virtual void completed(nanoseconds took) noexcept = 0;

private:
    struct timed_read : ngpoll::request {
        reader* by = nullptr;
        clock_type::time_point submitted;
    };

    void submit(timed_read& r) noexcept
    {
        r.submitted = clock_type::now();
        static_cast<void>(ring.submit(r)); // refused only while it closes
    }

    ngpoll::buffer_pool buffers_;
    std::vector<timed_read> requests_;

public:
    ngpoll::ring ring; // destroyed before the requests and their buffers
    bool again = true;
};

using ngpoll::role_policy;

ngpoll::poll_queue::options shared_by(unsigned threads, std::uint32_t depth_each, role_policy role)
{
    return {.depth = threads * depth_each, .rings_max = threads, .role = role};
}

class latency_reader final : public reader {
public:
    using reader::reader;
    std::vector<std::uint32_t> took_ns;

private:
    void completed(nanoseconds took) noexcept override
    {
        if (took_ns.size() < took_ns.capacity())
            took_ns.push_back(
                static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), UINT32_MAX)));
    }
};

/// Prints the number of times, percentiles and the longest time.
void print_times(const std::string& of_what, std::vector<std::uint32_t> all_ns)
{
    if (all_ns.empty())
        throw std::runtime_error("nothing was measured");
    std::sort(all_ns.begin(), all_ns.end());
    const auto at = [&](double share) {
        const double index = share * static_cast<double>(all_ns.size() - 1);
        return all_ns[static_cast<std::size_t>(index)] / 1000.0;
    };
    std::printf("%s %zu p50_us %.1f p99_us %.1f p999_us %.1f max_us %.1f\n", of_what.c_str(),
        all_ns.size(), at(0.5), at(0.99), at(0.999), at(1));
}

int latency(
    const char* path, unsigned threads, std::uint32_t depth, unsigned seconds, role_policy role)
{
    const auto drive = ngpoll::nvme_namespace::open(path);
    ngpoll::poll_queue::options requested = shared_by(threads, depth, role);
    if (role != role_policy::automatic)
        requested.rings_max = std::max(threads, 2U); // a queue for two rings is shared
    ngpoll::poll_queue queue(drive, requested);
    std::vector<std::vector<std::uint32_t>> each(threads);
    std::vector<std::thread> running;
    const auto end = clock_type::now() + std::chrono::seconds(seconds);
    for (unsigned t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            latency_reader mine(queue, drive, depth);
            mine.took_ns.reserve(std::size_t{1'000'000} * seconds);
            mine.fill();
            while (clock_type::now() < end)
                mine.ring.wait(1);
            mine.again = false;
            mine.ring.close();
            each[t] = std::move(mine.took_ns);
        });
    for (std::thread& thread : running)
        thread.join();
    std::vector<std::uint32_t> all;
    for (const auto& some : each)
        all.insert(all.end(), some.begin(), some.end());
    print_times(
        "latency threads " + std::to_string(threads) + " depth " + std::to_string(depth) + " reads",
        std::move(all));
    return 0;
}

class plain_reader final : public reader {
public:
    using reader::reader;

private:
    void completed(nanoseconds) noexcept override { }
};

int release(const char* path, unsigned threads, std::uint32_t depth, unsigned seconds)
{
    constexpr std::uint32_t kBatch = 32;
    const auto drive = ngpoll::nvme_namespace::open(path);
    if (drive.opened()->needs_resident())
        throw std::runtime_error("before Linux 7.0 a resident poller never releases the role");
    const auto requested = shared_by(std::max(threads, 2U), depth, role_policy::waiter);
    auto made = std::make_unique<timed_transport>(drive.opened(), requested);
    timed_transport& timed = *made;
    const auto queue = ngpoll::testing_access::make(std::move(made), requested);
    timed.watch(*queue);
    std::vector<std::thread> running;
    const auto end = clock_type::now() + std::chrono::seconds(seconds);
    for (unsigned t = 0; t < threads; ++t)
        running.emplace_back([&] {
            plain_reader mine(*queue, drive, depth);
            mine.fill();
            while (clock_type::now() < end)
                mine.ring.wait(kBatch);
            mine.again = false;
            mine.ring.close();
        });
    for (std::thread& thread : running)
        thread.join();
    print_times("release threads " + std::to_string(threads) + " depth " + std::to_string(depth)
            + " releases",
        timed.unpolled_ns());
    return 0;
}

class gap_reader final : public reader {
public:
    using reader::reader;
    nanoseconds longest{0};
    clock_type::time_point last = clock_type::now();

private:
    void completed(nanoseconds) noexcept override
    {
        const auto now = clock_type::now();
        longest = std::max(longest, nanoseconds(now - last));
        last = now;
    }
};

/// Spends a second as the holder of the role, in the manner that `gap` was given.
void spend_a_second(gap_reader& holder, std::uint32_t wanted, const std::string& manner)
{
    const auto until = clock_type::now() + std::chrono::seconds(1);
    if (manner == "blocked")
        return std::this_thread::sleep_until(until);
    while (clock_type::now() < until)
        if (manner == "staying")
            holder.ring.wait(wanted);
}

/// Takes the longest of all threads each time, and prints the median and the worst of these.
void print_longest(const std::string& of_what, const std::vector<std::vector<nanoseconds>>& found)
{
    std::size_t times = found.front().size();
    for (const auto& one : found)
        times = std::min(times, one.size());
    std::vector<nanoseconds> longest(times);
    for (std::size_t i = 0; i < times; ++i)
        for (const auto& one : found)
            longest[i] = std::max(longest[i], one[i]);
    if (longest.empty())
        throw std::runtime_error("nothing was measured");
    std::sort(longest.begin(), longest.end());
    std::printf("%s times %zu median_ms %.3f worst_ms %.3f\n", of_what.c_str(), longest.size(),
        milliseconds_of(longest[longest.size() / 2]), milliseconds_of(longest.back()));
}

int gap(const char* path, std::uint32_t depth, unsigned times, const std::string& manner,
    role_policy role)
{
    if (manner != "blocked" && manner != "computing" && manner != "staying")
        throw std::invalid_argument("gap: give blocked, computing or staying, not " + manner);
    constexpr unsigned kOthers = 3;
    const std::uint32_t wanted = std::max(depth / 4, 1U);
    const auto drive = ngpoll::nvme_namespace::open(path);
    ngpoll::poll_queue queue(drive, shared_by(kOthers + 1, depth, role));
    std::atomic<unsigned> away{0}; // odd while the holder is away
    std::atomic<bool> over{false};
    std::latch ready(kOthers + 1);
    std::vector<std::vector<nanoseconds>> found(kOthers);
    std::vector<std::thread> others;
    for (unsigned t = 0; t < kOthers; ++t)
        others.emplace_back([&, t] {
            gap_reader mine(queue, drive, depth);
            mine.fill();
            ready.arrive_and_wait();
            unsigned seen = 0;
            while (!over.load()) {
                mine.ring.wait(wanted);
                if (const unsigned now = away.load(); now != seen) {
                    if (seen % 2 == 1)
                        found[t].push_back(mine.longest);
                    seen = now;
                    mine.longest = nanoseconds(0);
                }
            }
            mine.again = false;
            mine.ring.close();
        });
    {
        gap_reader mine(queue, drive, depth);
        mine.fill();
        ready.arrive_and_wait();
        for (unsigned i = 0; i < times; ++i) {
            std::this_thread::sleep_for(milliseconds(20));
            // Waits until this ring has polled for all to the end of a wait, so that it has the
            // role.
            for (bool holds = false; !holds;) {
                const auto before = mine.ring.stats();
                mine.ring.wait(wanted);
                const auto after = mine.ring.stats();
                holds = queue.role() == role_policy::resident
                    || (after.passes != before.passes && after.sleeps == before.sleeps);
            }
            away.fetch_add(1);
            spend_a_second(mine, wanted, manner);
            away.fetch_add(1);
            mine.ring.wait(wanted);
        }
        over = true;
        mine.again = false;
        mine.ring.close();
    }
    for (std::thread& thread : others)
        thread.join();
    print_longest("gap work " + manner, found);
    return 0;
}

int pauses(unsigned threads, unsigned seconds)
{
    std::vector<std::vector<nanoseconds>> found(threads);
    std::vector<std::thread> running;
    const auto from = clock_type::now();
    for (std::vector<nanoseconds>& mine : found)
        running.emplace_back([&mine, from, seconds] {
            auto last = clock_type::now();
            for (unsigned second = 1; second <= seconds; ++second) {
                nanoseconds longest(0);
                while (last < from + std::chrono::seconds(second)) {
                    const auto now = clock_type::now();
                    longest = std::max(longest, nanoseconds(now - last));
                    last = now;
                }
                mine.push_back(longest);
            }
        });
    for (std::thread& thread : running)
        thread.join();
    print_longest("pauses threads " + std::to_string(threads), found);
    return 0;
}

nanoseconds thread_time()
{
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

int sleepers(const char* path, role_policy role)
{
    constexpr unsigned kThreads = 4;
    const auto drive = ngpoll::nvme_namespace::open(path);
    ngpoll::poll_queue queue(drive, shared_by(kThreads, 1, role));
    std::latch ready(kThreads);
    std::vector<double> share(kThreads);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            gap_reader mine(queue, drive, 1);
            mine.again = false;
            mine.fill();
            ready.arrive_and_wait();
            const auto from = clock_type::now();
            const nanoseconds before = thread_time();
            mine.ring.wait(1);
            share[t] = 100 * duration<double>(thread_time() - before).count()
                / duration<double>(clock_type::now() - from).count();
        });
    for (std::thread& thread : threads)
        thread.join();
    std::sort(share.begin(), share.end());
    // Without a resident poller the last of these rings polled.
    std::printf("sleepers percent_of_a_processor_each %.2f %.2f %.2f last %.2f\n", share[0],
        share[1], share[2], share[3]);
    return 0;
}

role_policy role_of(const std::string& word)
{
    if (const auto policy = ngpoll::role_policy_named(word))
        return *policy;
    throw std::invalid_argument("the poller: give auto, resident or waiter, not " + word);
}

} // namespace

int main(int count, char** arguments)
{
    const std::string what = count > 2 ? arguments[1] : "";
    const auto number
        = [&](int i) { return static_cast<unsigned>(std::strtoul(arguments[i], nullptr, 10)); };
    try {
        const auto role
            = [&](int last) { return role_of(count > last ? arguments[last] : "auto"); };
        if (what == "latency" && (count == 6 || count == 7))
            return latency(arguments[2], number(3), number(4), number(5), role(6));
        if (what == "release" && count == 6)
            return release(arguments[2], number(3), number(4), number(5));
        if (what == "gap" && (count == 6 || count == 7))
            return gap(arguments[2], number(3), number(4), arguments[5], role(6));
        if (what == "pauses" && count == 4)
            return pauses(number(2), number(3));
        if (what == "sleepers" && (count == 3 || count == 4))
            return sleepers(arguments[2], role(3));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ngpoll_shared_queue_bench: %s\n", error.what());
        return 1;
    }
    std::fprintf(stderr,
        "usage: ngpoll_shared_queue_bench latency DEVICE THREADS DEPTH SECONDS | gap DEVICE DEPTH "
        "TIMES blocked|computing|staying | sleepers DEVICE  [auto|resident|waiter]\n"
        "       ngpoll_shared_queue_bench release DEVICE THREADS DEPTH SECONDS | pauses THREADS "
        "SECONDS\n");
    return 2;
}
