// SPDX-License-Identifier: MIT
//
// Measures what the tag brings. Threads on one poll queue make 512-byte random reads, each in
// wait(32). The script tag runs it in a virtual machine.
// usage: ngpoll_tag_bench DEVICE THREADS DEPTH WAY SECONDS
// - own: a queue of the ring's own; one thread only.
// - tag: a shared queue without a resident poller; the ring that polls finishes its own inline.
// - no-tag: as tag, with the tag switched off; all completions are handed over.
// - resident: a thread of the queue polls; all completions are handed over.
//
// It warms up for half a second, and prints one line of figures of the SECONDS that follow. It
// marks both ends of these seconds for `cmake/vm/boot -u`, which counts instructions.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <latch>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "bench/random_position.hpp"
#include "testing_access.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

constexpr std::uint32_t kBatch = 32; ///< reads that a thread waits for at a time
constexpr std::uint32_t kReadBytes = 512;
constexpr seconds kWarmUp{0.5};

struct arguments {
    const char* device = nullptr;
    unsigned threads = 0;
    std::uint32_t depth = 0; ///< of each thread
    std::string way;
    seconds window{0};
};

/// The ring of one thread, kept full of reads. That thread makes, uses and destroys it.
class reader {
public:
    reader(ngpoll::poll_queue& queue, const ngpoll::namespace_info& drive, std::uint32_t depth)
        : ring(queue, {.depth = depth})
        , blocks_(kReadBytes / drive.block_bytes())
        , next_(std::random_device{}(), drive.capacity_blocks / blocks_)
        , buffers_(queue, {.count = depth, .buffer_bytes = kReadBytes})
        , requests_(depth)
    {
        for (std::uint32_t i = 0; i < depth; ++i) {
            ngpoll::request& r = requests_[i];
            r.cmd = ngpoll::read_command(drive.nsid, next_() * blocks_, blocks_);
            r.set_buffer(buffers_.at(i));
            r.context = this;
            r.on_complete = finished;
        }
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    ~reader() { ring.close(); } // before the buffers, to which its reads write

    /// Reads until `stop`.
    void run(const std::atomic<bool>& stop)
    {
        for (ngpoll::request& r : requests_)
            static_cast<void>(ring.submit(r));
        while (!stop.load(std::memory_order_relaxed)) // relaxed: it publishes nothing else
            ring.wait(kBatch);
    }

private:
    static void finished(ngpoll::request& r) noexcept
    {
        auto& self = *static_cast<reader*>(r.context);
        if (r.status.errno_value == ECANCELED)
            return; // closed before it was sent
        if (!r.status.ok()) {
            std::fprintf(stderr, "ngpoll_tag_bench: a read failed: %s\n", r.status.text().c_str());
            std::_Exit(1); // other threads may be in the kernel still
        }
        r.cmd.slba = self.next_() * self.blocks_;
        static_cast<void>(self.ring.submit(r)); // refused only while it closes
    }

public:
    ngpoll::ring ring;

private:
    std::uint32_t blocks_;
    ngpoll::cli::random_position next_;
    ngpoll::buffer_pool buffers_;
    std::vector<ngpoll::request> requests_;
};

/// Tells QEMU's instruction counter that a window begins or ends; does nothing elsewhere.
void mark()
{
#if defined(__x86_64__)
    asm volatile(".byte 0x66,0x87,0xc9,0x66,0x87,0xc9"); // xchg %cx,%cx, twice
#endif
}

/// The figures at one end of the window.
struct snapshot {
    explicit snapshot(const std::vector<const ngpoll::ring*>& rings)
        : at(clock_type::now())
    {
        for (const ngpoll::ring* one : rings)
            stats.push_back(one->stats());
    }
    clock_type::time_point at;
    std::vector<ngpoll::ring_stats> stats;
};

void print(const arguments& given, const snapshot& from, const snapshot& to)
{
    std::uint64_t finished_inline = 0;
    std::uint64_t reads = 0;
    std::uint64_t slowest = UINT64_MAX;
    std::uint64_t fastest = 0;
    for (std::size_t i = 0; i < to.stats.size(); ++i) {
        const std::uint64_t here = to.stats[i].finished_inline - from.stats[i].finished_inline;
        const std::uint64_t all
            = here + to.stats[i].finished_deferred - from.stats[i].finished_deferred;
        finished_inline += here;
        reads += all;
        slowest = std::min(slowest, all);
        fastest = std::max(fastest, all);
    }
    if (reads == 0)
        throw std::runtime_error("no read finished");
    const auto share = [](std::uint64_t part, std::uint64_t of) {
        return static_cast<double>(part) / static_cast<double>(of);
    };
    std::printf("tag threads %u way %s reads %llu iops %.0f inline %.4f fair %.4f\n", given.threads,
        given.way.c_str(), static_cast<unsigned long long>(reads),
        static_cast<double>(reads) / seconds(to.at - from.at).count(),
        share(finished_inline, reads), share(slowest, fastest));
}

void measure(const arguments& given, ngpoll::poll_queue& queue, const ngpoll::namespace_info& drive)
{
    std::vector<const ngpoll::ring*> rings(given.threads);
    std::latch ready(given.threads + 1);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < given.threads; ++t)
        threads.emplace_back([&, t] {
            reader mine(queue, drive, given.depth);
            rings[t] = &mine.ring;
            ready.arrive_and_wait();
            mine.run(stop);
        });
    ready.arrive_and_wait();
    std::this_thread::sleep_for(kWarmUp);
    mark();
    const snapshot from(rings);
    std::this_thread::sleep_for(given.window);
    const snapshot to(rings);
    mark();
    stop.store(true, std::memory_order_relaxed); // relaxed: it publishes nothing else
    for (std::thread& thread : threads)
        thread.join();
    print(given, from, to);
}

int run(const arguments& given)
{
    const bool is_own = given.way == "own";
    const bool is_resident = given.way == "resident";
    if (!is_own && !is_resident && given.way != "tag" && given.way != "no-tag")
        throw std::invalid_argument("give own, tag, no-tag or resident, not " + given.way);
    if (is_own && given.threads != 1)
        throw std::invalid_argument("own is for one thread only");
    using ngpoll::role_policy;
    const role_policy role = is_resident ? role_policy::resident : role_policy::waiter;
    const auto drive = ngpoll::nvme_namespace::open(given.device);
    ngpoll::poll_queue queue(drive,
        {.depth = given.threads * given.depth,
            .rings_max = is_own ? 1 : std::max(given.threads, 2U), // above 1 it is shared
            .role = role});
    if (queue.role() != role) {
        std::printf("skipped threads %u way %s: before Linux 7.0 a resident polls\n", given.threads,
            given.way.c_str());
        return 0;
    }
    if (given.way == "no-tag")
        ngpoll::testing_access::use_no_tag(queue);
    measure(given, queue, drive.info());
    return 0;
}

} // namespace

int main(int count, char** words)
{
    const auto number
        = [&](int i) { return static_cast<unsigned>(std::strtoul(words[i], nullptr, 10)); };
    arguments given;
    if (count == 6)
        given = {.device = words[1],
            .threads = number(2),
            .depth = number(3),
            .way = words[4],
            .window = seconds(std::strtod(words[5], nullptr))};
    if (given.threads == 0 || given.depth == 0 || given.window <= seconds(0)) {
        std::fprintf(stderr,
            "usage: ngpoll_tag_bench DEVICE THREADS DEPTH own|tag|no-tag|resident SECONDS\n");
        return 2;
    }
    try {
        return run(given);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ngpoll_tag_bench: %s\n", error.what());
        return 1;
    }
}
