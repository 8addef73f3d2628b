// SPDX-License-Identifier: MIT
//
// Cases in which a fetch is withdrawn or a group closes while others hold its requests or batches.
#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <sys/eventfd.h>
#include <unistd.h>

#include "catch.hpp"
#include "fetch_pool.hpp"

using namespace ngpoll;
using namespace ngpoll::test;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

using requests_list = std::vector<request*>;

/// Polls, if no other thread does, until all but `stalled` of the submitted requests have
/// completed.
void find_all(scripted_queue& on, std::uint32_t stalled = 0)
{
    ring polls(*on.queue, {.depth = 1});
    const auto words = "queued: 0; in flight: " + std::to_string(stalled);
    await([&] {
        polls.poll();
        return on.queue->describe().find(words + "\n") != std::string::npos;
    });
    for (int more = 0; more < 3; ++more)
        polls.poll(); // finds nothing and hands out nothing
}

enum class leaves_by : std::uint8_t { close, destructor, end_of_thread };

/// On a new thread: posts a fetch, takes one batch, runs `meanwhile`, and leaves.
template <class Meanwhile>
void take_one_and_leave(
    fetch_group& group, fetch::options requested, leaves_by way, Meanwhile meanwhile)
{
    std::unique_ptr<fetch> left; // outlives the thread
    std::thread([&] {
        auto own = std::make_unique<fetch>(group, requested);
        must(!own->next().empty());
        meanwhile(*own);
        if (way == leaves_by::close)
            own->close();
        if (way == leaves_by::end_of_thread)
            left = std::move(own);
    }).join();
}

} // namespace

TEST_CASE("the unread batch of a worker that leaves goes to the next worker, in order")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const auto way = GENERATE(leaves_by::close, leaves_by::destructor, leaves_by::end_of_thread);
    CAPTURE(to_string(role), static_cast<int>(way));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    REQUIRE(group.submit(*all[0]));
    take_one_and_leave(group, {.batch_max = 3}, way, [&](fetch&) {
        must(group.submit(std::span(all).subspan(1)) == 7);
        find_all(on);
        // Three are in its second buffer.
        await_words(*on.queue, 1, "outstanding: 4; submitted and not taken: 7; 1 fetches");
    });
    await_words(*on.queue, 1, "outstanding: 7; submitted and not taken: 7; 0 fetches");
    fetch mine(group, {.batch_max = 3});
    const auto got = take(mine, 7);
    CHECK(got == requests_list(all.begin() + 1, all.end()));
    CHECK(are_outcomes(got));
    CHECK(take_now(mine).empty());
}

TEST_CASE("the unread batch of a worker that leaves wakes a worker that sleeps")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::resident});
    fetch_group group(*on.queue, {.depth = 8});
    const int event = ::eventfd(0, EFD_NONBLOCK);
    auto requests = flushes(2);
    std::atomic<unsigned> got{0};
    const watchdog dog(*on.queue);
    {
        // This fetch waits by its event, gets a batch, and makes no call.
        fetch mine(group, {.batch_max = 2, .event_fd = event});
        for (unsigned again = 1; again <= 20; ++again) {
            fetch other(group, {.batch_max = 2, .event_fd = event});
            CHECK(take_now(other).empty());
            REQUIRE(group.submit(pointers(requests)) == 2);
            await_words(*on.queue, 1, "outstanding: 0; submitted and not taken: 2");
            joined sleeps([&] {
                fetch own(group);
                must(take(own, 2).size() == 2);
                got.fetch_add(2);
            });
            await([&] { return testing_access::sleeping(*on.queue) == 1; });
            other.close();
            sleeps.join();
        }
        CHECK(got.load() == 40);
    }
    ::close(event);
}

TEST_CASE("a group that closes without a fetch finishes its requests in place")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 32, .rings_max = 3, .role = role});
    fetch_group group(*on.queue, {.depth = 16});
    auto finished = flushes(4), queued = flushes(4);
    held_request flies(1);
    std::atomic<bool> in_pass{false}, goes_on{false};
    const watchdog dog(*on.queue);
    on.drive.held = 1;
    REQUIRE(group.submit(pointers(finished)) == 4);
    REQUIRE(group.submit(flies));
    find_all(on, 1);
    // The pass lasts until the group closes, so requests submitted meanwhile are not sent.
    on.drive.on_pass([&] {
        if (in_pass.exchange(true))
            return;
        await([&] { return goes_on.load(); });
    });
    joined polls([&] {
        if (role == role_policy::resident)
            return;
        ring own(*on.queue, {.depth = 1});
        own.poll();
    });
    await([&] { return in_pass.load(); });
    REQUIRE(group.submit(pointers(queued)) == 4);
    joined lets_go([&] {
        await_words(*on.queue, 1, "closes");
        goes_on = true;
        await([&] { return on.queue->describe().find("queued: 0") != std::string::npos; });
        on.drive.held = 0;
    });
    group.close();
    lets_go.join();
    polls.join();
    CHECK(on.drive.sent.load() == 5);
    CHECK(are_outcomes(pointers(finished)));
    CHECK(is_outcome(flies));
    for (const counted_request& r : queued) {
        CHECK(r.status.errno_value == ECANCELED);
        CHECK(r.status.taken == 0);
    }
    for (const auto* each : {&finished, &queued})
        for (const counted_request& r : *each)
            CHECK(r.finished == 0); // no callback
}

TEST_CASE("a group that closes after its only worker has left finishes the worker's unread batch")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const auto way = GENERATE(leaves_by::close, leaves_by::end_of_thread);
    CAPTURE(to_string(role), static_cast<int>(way));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    REQUIRE(group.submit(*all[0]));
    take_one_and_leave(group, {.batch_max = 3}, way, [&](fetch&) {
        must(group.submit(std::span(all).subspan(1)) == 7);
        find_all(on);
    });
    group.close();
    CHECK(are_outcomes(all));
    group.close(); // does nothing
}

TEST_CASE("after a close next() gives out the remaining requests and then ends")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool queue_is_gone = GENERATE(false, true);
    CAPTURE(to_string(role), queue_is_gone);
    std::optional<scripted_queue> on(
        std::in_place, poll_queue::options{.depth = 16, .rings_max = 2, .role = role});
    std::optional<fetch_group> group(std::in_place, *on->queue, fetch_group::options{.depth = 8});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    fetch first(*group, {.batch_max = 3}), second(*group, {.batch_max = 3});
    {
        const watchdog dog(*on->queue);
        REQUIRE(group->submit(*all[0]));
        REQUIRE(take(first, 1) == requests_list{all[0]});
        REQUIRE(group->submit(std::span(all).subspan(1)) == 7);
        find_all(*on); // each fetch has three, the group one
        await_words(*on->queue, 1, "outstanding: 1; submitted and not taken: 7; 2 fetches");
        group->close();
        CHECK(!group->submit(*all[0]));
        CHECK(error_of([&] { const fetch late(*group); }).value == ESHUTDOWN);
    }
    if (queue_is_gone) {
        group.reset();
        on.reset();
    }
    requests_list got = take(first, 7); // including the other fetch's batch
    CHECK(got.size() == 7);
    CHECK(are_outcomes(got));
    std::sort(got.begin(), got.end());
    requests_list rest(all.begin() + 1, all.end());
    CHECK(got == rest);
    for (fetch* each : {&second, &first}) {
        CHECK(each->next().empty());
        CHECK(each->has_ended());
        CHECK(take_now(*each).empty());
    }
    first.close();
    first.close();
    CHECK(first.stats().finished_deferred == 8);
}

TEST_CASE("after a group's close the last fetch's close finishes unread requests in place")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    std::optional<scripted_queue> on(
        std::in_place, poll_queue::options{.depth = 16, .rings_max = 2, .role = role});
    std::optional<fetch_group> group(std::in_place, *on->queue, fetch_group::options{.depth = 8});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    fetch first(*group, {.batch_max = 3}), second(*group, {.batch_max = 3});
    {
        const watchdog dog(*on->queue);
        REQUIRE(group->submit(all) == 8);
        find_all(*on);
        group.reset(); // closes
    }
    on.reset();
    first.close();
    const auto got = take_now(second);
    CHECK(got.size() == 3);
    second.close();
    CHECK(are_outcomes(all));
}

TEST_CASE("a close ends workers that sleep and workers that poll, and waits for the drive")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool stalls = GENERATE(false, true);
    CAPTURE(to_string(role), stalls);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    on.drive.held = 1;
    held_request flies(1);
    std::atomic<unsigned> ended{0}, got{0};
    const watchdog dog(*on.queue);
    std::vector<std::unique_ptr<joined>> workers;
    for (unsigned i = 0; i < 3; ++i)
        workers.push_back(std::make_unique<joined>([&] {
            fetch own(group);
            for (;;) {
                const auto batch = own.next();
                if (batch.empty())
                    break;
                must(batch.size() == 1 && batch[0] == &flies);
                got.fetch_add(1);
            }
            must(own.has_ended());
            ended.fetch_add(1);
        }));
    if (stalls) {
        REQUIRE(group.submit(flies));
        // A close cancels a request that has not reached the drive.
        await([&] { return on.queue->describe().find("in flight: 1") != std::string::npos; });
    }
    await_words(*on.queue, 1, "3 wait");
    std::atomic<bool> is_closed{false};
    joined closes([&] {
        group.close();
        is_closed = true;
    });
    if (stalls) {
        await_words(*on.queue, 1, "closes");
        std::this_thread::sleep_for(milliseconds(5));
        CHECK(!is_closed.load());
        CHECK(ended.load() == 0);
        on.drive.held = 0;
    }
    closes.join();
    for (const auto& each : workers)
        each->join();
    CHECK(got.load() == (stalls ? 1 : 0));
}

TEST_CASE("a close wakes a resident that sleeps while requests are left over")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::resident});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    for (unsigned again = 1; again <= 20; ++again) {
        fetch_group group(*on.queue, {.depth = 8});
        fetch mine(group, {.batch_max = 1});
        REQUIRE(group.submit(all) == 8);
        await([&] {
            const std::string says = on.queue->describe();
            return says.find("resident's, asleep") != std::string::npos
                && says.find("in flight: 0") != std::string::npos;
        });
        group.close();
        CHECK(take(mine, 8) == all);
        CHECK(mine.next().empty());
    }
}

TEST_CASE("a second group may use the place of a closed group with open fetches")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    auto requests = flushes(4), others = flushes(4);
    const watchdog dog(*on.queue);
    std::vector<std::unique_ptr<fetch>> old;
    for (unsigned again = 1; again <= 10; ++again) {
        fetch_group first(*on.queue, {.depth = 4});
        old.push_back(std::make_unique<fetch>(first));
        REQUIRE(first.submit(pointers(requests)) == 4);
        find_all(on);
        first.close();
        fetch_group second(*on.queue, {.depth = 4});
        fetch mine(second, {.batch_max = 3});
        REQUIRE(second.submit(pointers(others)) == 4);
        CHECK(take(mine, 4) == pointers(others));
        CHECK(take(*old.back(), 4) == pointers(requests));
        CHECK(old.back()->next().empty());
        CHECK(old.back()->has_ended());
        CHECK(take_now(mine).empty());
        CHECK(!mine.has_ended());
        if (again % 3 == 0)
            old.erase(old.begin()); // one group's memory is reused
    }
    for (const counted_request& r : requests)
        CHECK(is_outcome(r));
}

TEST_CASE("a group that closes while a worker leaves neither loses nor repeats a request")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool kept = GENERATE(true, false);
    CAPTURE(to_string(role), kept);
    chance random("close and withdraw");
    CAPTURE(random.seed());
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    constexpr std::uint32_t kDepth = 6;
    auto requests = flushes(kDepth);
    const auto all = pointers(requests);
    const std::uint64_t rounds = test::rounds("close and withdraw", 300);
    std::array<std::atomic<fetch_group*>, 2> groups{};
    std::atomic<std::uint64_t> round{0}, left{0}, taken{0}, pace{0};
    const watchdog dog(*on.queue);
    joined leaves([&] {
        for (std::uint64_t i = 1; i <= rounds; ++i) {
            await([&] { return round.load() >= i; });
            {
                fetch own(*groups[i % 2].load(), {.batch_max = 2});
                taken.fetch_add(take(own, 1).size());
                left.store(i);
                const auto at = steady_clock::now() + microseconds(pace.load() % 100);
                while (steady_clock::now() < at) { }
            }
            left.store(rounds + i);
        }
    });
    for (std::uint64_t i = 1; i <= rounds; ++i) {
        fetch_group group(*on.queue, {.depth = kDepth});
        std::optional<fetch> keeps;
        if (kept)
            keeps.emplace(group);
        on.drive.latency = microseconds(random.below(60));
        pace = random.below(100);
        taken = 0;
        for (request* const r : all)
            r->result = 0;
        groups[i % 2] = &group;
        round = i;
        REQUIRE(group.submit(all) == kDepth);
        await([&] { return left.load() == i || left.load() == rounds + i; });
        const auto at = steady_clock::now() + microseconds(random.below(100));
        while (steady_clock::now() < at) { }
        group.close();
        await([&] { return left.load() == rounds + i; });
        std::size_t got = taken.load();
        while (kept) {
            const auto batch = keeps->next();
            if (batch.empty())
                break;
            got += batch.size();
        }
        REQUIRE((kept ? got == kDepth : got <= kDepth));
        for (const request* r : all) {
            REQUIRE(r->status.taken == 0);
            REQUIRE((is_outcome(*r) || r->status.errno_value == ECANCELED));
        }
    }
}
