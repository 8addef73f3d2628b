// SPDX-License-Identifier: MIT
//
// Threads share one poll queue of a real drive at random: one kernel ring, many of the engine's
// rings. The test counts request by request, and does not use the engine's own figures.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"

using namespace ngpoll;
using std::chrono::steady_clock;

namespace {

constexpr std::uint32_t kDepthMax = 64;
/// Reads stay within the first blocks of the drive, which are numbered.
constexpr std::uint32_t kBlocks = 32768;

struct worker;

struct tracked_request : request {
    worker* by = nullptr;
    std::byte* data = nullptr;
    std::uint32_t blocks = 0;
    // Changed on submission and on completion. Atomic in case a request finishes on another thread,
    // which is a failure.
    std::atomic<std::uint64_t> accepted{0}, finished{0};
};

void bump(std::atomic<std::uint64_t>& counter) noexcept
{
    counter.fetch_add(1, std::memory_order_relaxed); // relaxed: a figure, not a message
}

/// The drive, shared by all workers.
struct target {
    poll_queue& queue;
    const namespace_info& info;
    bool numbered = false; ///< the blocks are numbered
};

/// One ring at a time on a thread. It counts errors, because Catch2's checks belong to the test's
/// own thread.
struct worker {
    unsigned number = 0;
    std::thread::id thread;
    const target* on = nullptr;
    test::chance* random = nullptr; ///< used only on the worker's thread
    std::unique_ptr<buffer_pool> buffers; ///< outlives the reads
    std::unique_ptr<ring> made;
    ring* own = nullptr; ///< `made`, until its destructor has run
    std::uint32_t blocks_max = 0;
    std::uint64_t steps = 0; ///< left until the ring closes
    std::uint64_t resubmissions = 0; ///< how often callbacks may still submit
    bool inside = false; ///< in poll, wait or close, in which callbacks may run
    bool closing = false;
    status failure; ///< of the last failed read
    std::vector<tracked_request> requests{kDepthMax};

    // The watchdog's thread reads these, too.
    std::atomic<std::uint64_t> rings{0}, accepted{0}, finished{0}, cancelled{0};
    std::atomic<const char*> doing{"nothing yet"};

    std::atomic<std::uint64_t> not_once{0}, lost{0}, elsewhere{0}, outside{0};
    std::atomic<std::uint64_t> failed{0}, wrong_data{0}, wrong_count{0}, refused{0};

    explicit worker(unsigned which)
        : number(which)
    {
        for (tracked_request& r : requests) {
            r.by = this;
            r.on_complete = [](request& q) noexcept {
                auto& done = static_cast<tracked_request&>(q);
                done.by->complete(done);
            };
        }
    }

    void start(const target& drive, test::chance& chance);
    void step(); ///< opens a ring, uses it once, or closes it
    void open();
    void use();
    void submit(tracked_request& r);
    void complete(tracked_request& r) noexcept;
    void look_at_data(const tracked_request& r) noexcept;
    void close();

    /// Calls the engine, and checks that it returns the number of requests that finished meanwhile.
    template <class Call>
    void expect(const char* what, std::uint32_t least, Call&& call)
    {
        doing = what;
        inside = true;
        const std::uint64_t before = finished.load();
        const std::uint32_t told = call();
        if (told != finished.load() - before || told < least)
            bump(wrong_count);
        inside = false;
        doing = "its own business";
    }
};

void worker::submit(tracked_request& r)
{
    // Mostly small reads, because more of them are in flight at a time.
    const auto most = random->one_in(32) ? blocks_max : std::min(blocks_max, 8U);
    r.blocks = static_cast<std::uint32_t>(1 + random->below(most));
    const std::uint64_t slba = random->below(kBlocks - r.blocks + 1);
    r.cmd = read_command(on->info.nsid, slba, r.blocks);
    r.cmd.data = reinterpret_cast<std::uintptr_t>(r.data);
    r.cmd.data_bytes = r.blocks * on->info.block_bytes();
    for (std::uint32_t i = 0; i < r.blocks; ++i) // not the number of a block
        std::memset(r.data + std::size_t{i} * on->info.block_bytes(), 0xff, sizeof(std::uint64_t));
    bump(r.accepted); // before submit(), because another ring may finish it at once
    bump(accepted);
    if (own->submit(r))
        return;
    r.accepted.fetch_sub(1);
    accepted.fetch_sub(1);
    if (!closing) // a ring has room for all slots
        bump(refused);
}

void worker::complete(tracked_request& r) noexcept
{
    bump(finished);
    r.finished.fetch_add(1);
    if (r.finished.load() != r.accepted.load())
        bump(not_once);
    if (std::this_thread::get_id() != thread) {
        bump(elsewhere);
        return; // the rest belongs to this thread
    }
    if (!inside)
        bump(outside);
    if (r.status.errno_value == ECANCELED && closing) { // the drive never got it
        bump(cancelled);
        return;
    }
    if (!r.status.ok()) {
        bump(failed);
        failure = r.status;
    } else if (on->numbered) {
        look_at_data(r);
    }
    if (resubmissions != 0) {
        --resubmissions;
        submit(r);
    }
}

void worker::look_at_data(const tracked_request& r) noexcept
{
    for (std::uint32_t i = 0; i < r.blocks; ++i) {
        std::uint64_t found = 0;
        std::memcpy(&found, r.data + std::size_t{i} * on->info.block_bytes(), sizeof found);
        if (found != r.cmd.slba + i) {
            bump(wrong_data);
            return;
        }
    }
}

void worker::use()
{
    std::uint64_t most = 1 + random->below(kDepthMax);
    for (tracked_request& r : requests) {
        if (r.data == nullptr || most == 0)
            break;
        if (r.accepted.load() == r.finished.load()) {
            submit(r);
            --most;
        }
    }
    const std::uint32_t flying = own->outstanding();
    const auto some = static_cast<std::uint32_t>(random->below(kDepthMax + 2));
    const auto wait = [&](std::uint32_t n) {
        expect("wait", std::min(n, flying), [&] { return own->wait(n); });
    };
    switch (random->below(8)) {
    case 0:
    case 1: wait(1); break;
    case 2:
    case 3: wait(some); break;
    case 4: wait(kDepthMax); break;
    case 5:
        doing = "flush";
        own->flush();
        break;
    default: expect("poll", 0, [&] { return own->poll(); }); break;
    }
    if (random->one_in(50)) // sometimes while it has the role
        std::this_thread::sleep_for(std::chrono::microseconds(random->below(3000)));
}

void worker::open()
{
    const auto depth
        = static_cast<std::uint32_t>(1 + random->below(random->one_in(4) ? 4 : kDepthMax));
    const std::uint32_t sizes[] = {1, 8, 128, on->info.transfer_bytes_max / on->info.lba_bytes};
    blocks_max = sizes[random->below(std::size(sizes))];
    doing = "making buffers";
    buffers = std::make_unique<buffer_pool>(on->queue,
        buffer_pool::options{.count = depth,
            .buffer_bytes = blocks_max * on->info.block_bytes(),
            .fixed = !random->one_in(4)});
    for (std::uint32_t i = 0; i < kDepthMax; ++i) {
        requests[i].data = i < depth ? buffers->at(i).data : nullptr;
        if (i < depth)
            requests[i].set_buffer(buffers->at(i));
    }
    doing = "opening a ring";
    // On the heap, where a touch of a destroyed ring is more likely to be noticed.
    made = std::make_unique<ring>(on->queue,
        ring::options{
            .depth = depth, .submit_batch_max = static_cast<std::uint32_t>(1 + random->below(64))});
    own = made.get();
    resubmissions = random->below(200);
    steps = 1 + random->below(30);
}

void worker::close()
{
    // In half of the cases callbacks try to submit again, which a closing ring refuses.
    resubmissions = random->one_in(2) ? 0 : resubmissions;
    closing = true;
    inside = true;
    doing = "close";
    if (random->one_in(2))
        own->close();
    made.reset();
    own = nullptr;
    inside = false;
    closing = false;
    for (const tracked_request& r : requests)
        if (r.accepted.load() != r.finished.load())
            bump(lost);
    doing = "taking down buffers";
    buffers.reset();
    bump(rings);
}

void worker::start(const target& drive, test::chance& chance)
{
    thread = std::this_thread::get_id();
    on = &drive;
    random = &chance;
}

void worker::step()
{
    if (own == nullptr)
        open();
    if (steps-- != 0)
        use();
    else
        close();
    doing = "its own business";
}

using workers_list = std::vector<std::unique_ptr<worker>>;

/// Writes its number into each block. Uses its own queue, which is closed on return.
void number_blocks(const std::string& path)
{
    const test::users_of_driver none_left;
    const nvme_namespace device = nvme_namespace::open(path, {.writable = true});
    const std::uint32_t at_once = 128;
    const std::size_t block = device.info().block_bytes();
    poll_queue queue(device);
    buffer_pool buffers(
        queue, {.count = 1, .buffer_bytes = static_cast<std::uint32_t>(at_once * block)});
    request r;
    ring polling(queue);
    r.set_buffer(buffers.at(0));
    for (std::uint64_t slba = 0; slba < kBlocks; slba += at_once) {
        for (std::uint64_t i = 0; i < at_once; ++i) {
            const std::uint64_t number = slba + i;
            std::memcpy(buffers.at(0).data + i * block, &number, sizeof number);
        }
        r.cmd = write_command(device.info().nsid, slba, at_once);
        r.set_buffer(buffers.at(0));
        REQUIRE(polling.submit(r));
        REQUIRE(polling.wait(1) == 1);
        REQUIRE(r.status.text() == "success");
    }
}

void print_state(const workers_list& workers)
{
    const auto of = [](const std::atomic<std::uint64_t>& counter) {
        return static_cast<unsigned long long>(counter.load());
    };
    for (const auto& w : workers) {
        std::fprintf(stderr, "ring %u: rings so far %llu, accepted %llu, finished %llu, in %s\n",
            w->number, of(w->rings), of(w->accepted), of(w->finished), w->doing.load());
        std::fprintf(stderr,
            "    not once %llu, lost %llu, elsewhere %llu, outside %llu, failed %llu, "
            "wrong data %llu, wrong count %llu, refused %llu\n",
            of(w->not_once), of(w->lost), of(w->elsewhere), of(w->outside), of(w->failed),
            of(w->wrong_data), of(w->wrong_count), of(w->refused));
    }
}

void check(const worker& w)
{
    CAPTURE(w.number, w.failure.text());
    CHECK(w.accepted.load() == w.finished.load());
    CHECK(w.not_once.load() == 0);
    CHECK(w.lost.load() == 0);
    CHECK(w.elsewhere.load() == 0);
    CHECK(w.outside.load() == 0);
    CHECK(w.failed.load() == 0);
    CHECK(w.wrong_data.load() == 0);
    CHECK(w.wrong_count.load() == 0);
    CHECK(w.refused.load() == 0);
    CHECK(w.finished.load() > w.cancelled.load());
    // Checked again after the queue is gone: no request finished after its ring.
    for (const tracked_request& r : w.requests)
        REQUIRE(r.accepted.load() == r.finished.load());
}

void check_all(const workers_list& workers)
{
    unsigned long long rings = 0, finished = 0, cancelled = 0;
    for (const auto& w : workers) {
        check(*w);
        rings += w->rings;
        finished += w->finished;
        cancelled += w->cancelled;
    }
    std::printf("device stress: %llu reads finished, %llu of them unsent, on %llu rings\n",
        finished, cancelled, rings);
}

/// One thread runs its workers in random order until the time is over and all rings are closed.
void run(std::span<const std::unique_ptr<worker>> workers, const target& drive,
    test::chance& chance, steady_clock::time_point until)
{
    for (const auto& w : workers)
        w->start(drive, chance);
    for (;;) {
        worker& w = *workers[chance.below(workers.size())];
        // Each worker has at least one ring, even on a busy machine.
        if (w.own != nullptr || w.rings == 0 || steady_clock::now() < until)
            w.step();
        else if (std::all_of(workers.begin(), workers.end(),
                     [](const auto& each) { return each->own == nullptr; }))
            return;
    }
}

/// Runs one thread after the other. A thread that ends may have sent requests for other rings.
void run_and_leave(std::span<const std::unique_ptr<worker>> workers, const target& drive,
    test::chance& chance, steady_clock::time_point until)
{
    do {
        const std::chrono::milliseconds life(chance.below(400));
        const auto end = std::min(until, steady_clock::now() + life);
        std::thread([&] { run(workers, drive, chance, end); }).join();
    } while (steady_clock::now() < until);
}

/// Uses `rings` rings at a time on one poll queue, each on its own thread or all on one thread, and
/// closes them.
void stress(unsigned rings, bool on_one_thread, role_policy role)
{
    const bool numbered = test::may_write();
    if (numbered)
        number_blocks(test::device_path());
    else
        WARN("data not checked: NGPOLL_TEST_WRITE=1 allows the drive to be overwritten");
    const test::chance seed("device stress");
    CAPTURE(seed.seed());
    const std::chrono::seconds length(test::rounds("device stress, seconds", 1));
    workers_list workers;
    for (unsigned i = 0; i < rings; ++i)
        workers.push_back(std::make_unique<worker>(i));
    {
        const test::users_of_driver none_left;
        const nvme_namespace device = nvme_namespace::open(test::device_path());
        poll_queue queue(device, {.depth = kDepthMax * rings, .rings_max = rings, .role = role});
        const target drive{.queue = queue, .info = device.info(), .numbered = numbered};
        const auto until = steady_clock::now() + length;
        const test::watchdog dog(queue, [&] { print_state(workers); });
        std::vector<std::thread> running;
        const std::size_t each = on_one_thread ? rings : 1;
        for (std::size_t i = 0; i < rings; i += each)
            running.emplace_back([&, i, mine = std::span(workers).subspan(i, each)] {
                test::chance chance(seed.seed(), i);
                if (rings == each) // a private queue stays with its first thread
                    run(mine, drive, chance, until);
                else
                    run_and_leave(mine, drive, chance, until);
            });
        for (std::thread& thread : running)
            thread.join();
    }
    check_all(workers);
}

} // namespace

TEST_CASE("a thread's own ring, opened and closed, finishes each request once", "[one thread]")
{
    stress(1, true, role_policy::automatic);
}

TEST_CASE("rings of one thread finish each request once", "[one thread]")
{
    stress(4, true, GENERATE(role_policy::waiter, role_policy::resident));
}

TEST_CASE("rings of several threads finish each request once, on its own thread")
{
    const unsigned threads = GENERATE(2U, 3U, 4U, 8U);
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(threads, to_string(role));
    stress(threads, false, role);
}
