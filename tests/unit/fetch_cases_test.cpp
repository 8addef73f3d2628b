// SPDX-License-Identifier: MIT
//
// Cases of a fetch group in which a batch, a wake-up or the duty to poll could get lost. Each case
// runs step by step on a scripted drive.
#include <array>
#include <deque>
#include <optional>

#include <poll.h>
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

bool is_asleep(const poll_queue& queue)
{
    return queue.describe().find("resident's, asleep") != std::string::npos;
}

} // namespace

TEST_CASE("a submit from another thread wakes one worker when all workers sleep")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    std::atomic<unsigned> got{0};
    std::vector<std::unique_ptr<joined>> workers;
    const watchdog dog(*on.queue);
    for (unsigned i = 0; i < 3; ++i)
        workers.push_back(std::make_unique<joined>([&] {
            fetch mine(group);
            for (;;) {
                const auto batch = mine.next();
                if (batch.empty())
                    break;
                must(batch.size() == 1 && is_outcome(*batch[0]));
                got.fetch_add(1);
            }
            must(mine.has_ended());
        }));
    auto requests = flushes(1);
    for (unsigned again = 1; again <= 20; ++again) {
        await_words(*on.queue, 1, "3 asleep");
        if (role == role_policy::resident)
            await([&] { return is_asleep(*on.queue); });
        const auto wakes = group.submit_stats().wakes;
        must(group.submit(requests[0]));
        CHECK(group.submit_stats().wakes == wakes + 1);
        await([&] { return got.load() == again; });
    }
    CHECK(on.drive.sent.load() == 20);
    CHECK(group.submit_stats().sent == 0); // the woken workers sent
    group.close();
}

TEST_CASE("a submit while all workers are busy is sent, although no worker calls next()")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    std::atomic<unsigned> busy{0};
    std::atomic<bool> goes_on{false};
    std::atomic<std::size_t> got{0};
    auto requests = flushes(8);
    const watchdog dog(*on.queue);
    const auto works = [&] {
        fetch mine(group, {.batch_max = 1});
        must(take(mine, 1).size() == 1);
        busy.fetch_add(1);
        await([&] { return goes_on.load(); });
        for (;;) {
            const auto batch = mine.next();
            if (batch.empty())
                break;
            must(is_outcome(*batch[0]));
            got.fetch_add(batch.size());
        }
    };
    joined one(works), two(works);
    must(group.submit(requests[0]) && group.submit(requests[1]));
    await([&] { return busy.load() == 2; });
    for (unsigned i = 2; i < 8; ++i) {
        must(group.submit(requests[i]));
        if (role == role_policy::waiter)
            CHECK(on.drive.sent.load() == i + 1); // submit() sent
    }
    await([&] { return on.drive.sent.load() == 8; });
    goes_on = true;
    await([&] { return got.load() == 6; });
    group.close();
}

TEST_CASE("a single completion is given out although other requests stall")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool sleeps = GENERATE(false, true);
    CAPTURE(to_string(role), sleeps);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    on.drive.held = 3;
    held_request first(1), second(2), third(2);
    const watchdog dog(*on.queue);
    fetch mine(group);
    request* const all[] = {&first, &second, &third};
    REQUIRE(group.submit(all) == 3);
    CHECK(take_now(mine).empty());
    joined lets_go([&] {
        if (sleeps)
            await_words(*on.queue, 1, "1 wait");
        on.drive.held = 2;
    });
    CHECK(take(mine, 1) == std::vector<request*>{&first});
    CHECK(take_now(mine).empty());
    on.drive.held = 0;
    CHECK(take(mine, 2) == std::vector<request*>{&second, &third});
}

TEST_CASE("requests left over are given out in order while a resident sleeps and nothing is in "
          "flight")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::resident});
    fetch_group group(*on.queue, {.depth = 9});
    auto requests = flushes(9);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    fetch mine(group, {.batch_max = 2});
    REQUIRE(group.submit(*all[0]));
    std::vector<request*> got = take(mine, 1);
    REQUIRE(group.submit(std::span(all).subspan(1)) == 8);
    while (got.size() < 9) {
        // One batch is in the second buffer, the other requests are in the group.
        await([&] { return is_asleep(*on.queue) && on.drive.in_flight_now.load() == 0; });
        const auto batch = mine.next();
        REQUIRE(batch.size() == 2);
        got.insert(got.end(), batch.begin(), batch.end());
    }
    CHECK(got == all);
    CHECK(are_outcomes(got));
}

TEST_CASE("a worker that polls gets requests left over from passes that find nothing")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    fetch_group group(*on.queue, {.depth = 9});
    auto requests = flushes(9);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    fetch mine(group, {.batch_max = 2});
    REQUIRE(group.submit(all) == 9);
    std::vector<request*> got;
    for (std::size_t left = 9; left != 0;) {
        const auto batch = mine.next();
        REQUIRE(batch.size() == std::min<std::size_t>(2, left));
        got.insert(got.end(), batch.begin(), batch.end());
        left -= batch.size();
        CHECK(on.drive.in_flight_now.load() == 0); // the first pass found all
    }
    CHECK(got == all);
    CHECK(are_outcomes(got));
}

TEST_CASE("a drive that stalls does not hold up requests left over")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool two_workers = GENERATE(false, true);
    CAPTURE(to_string(role), two_workers);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    on.drive.held = 1;
    held_request stalls(1);
    auto requests = flushes(7);
    std::atomic<std::size_t> got{0};
    std::atomic<bool> stalled_came{false};
    std::atomic<unsigned> posted{0};
    const auto works = [&] {
        fetch mine(group, {.batch_max = 1});
        posted.fetch_add(1);
        for (;;) {
            const auto batch = mine.next();
            if (batch.empty())
                break;
            must(is_outcome(*batch[0]));
            if (batch[0] == &stalls)
                stalled_came = true;
            got.fetch_add(1);
        }
    };
    const watchdog dog(*on.queue);
    std::optional<joined> one, two;
    one.emplace(works);
    if (two_workers)
        two.emplace(works);
    await([&] { return posted.load() == (two_workers ? 2 : 1); }); // a closed group takes no fetch
    REQUIRE(group.submit(stalls));
    for (unsigned again = 1; again <= 20; ++again) {
        REQUIRE(group.submit(pointers(requests)) == 7);
        await([&] { return got.load() == again * 7; });
    }
    CHECK(!stalled_came.load());
    on.drive.held = 0;
    await([&] { return stalled_came.load(); });
    group.close();
}

TEST_CASE("a worker that sleeps with a batch does not hold back another worker")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    const bool other_sleeps = GENERATE(false, true);
    CAPTURE(to_string(role), other_sleeps);
    scripted_queue on({.depth = 32, .rings_max = 3, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    std::atomic<bool> is_busy{false}, goes_on{false}, waits{false};
    const watchdog dog(*on.queue);
    joined sleeps_with_it([&] {
        fetch mine(group, {.batch_max = 3});
        must(take(mine, 1) == std::vector<request*>{all[0]});
        is_busy = true;
        await([&] { return goes_on.load(); });
        // The other worker has taken all other requests.
        must(take_now(mine).empty());
    });
    REQUIRE(group.submit(*all[0]));
    await([&] { return is_busy.load(); });
    std::optional<joined> other;
    std::vector<request*> got;
    const auto takes_rest = [&] {
        fetch mine(group, {.batch_max = 3});
        waits = true;
        got = take(mine, 7);
    };
    if (other_sleeps) { // it waits before the submit
        other.emplace(takes_rest);
        await_words(*on.queue, 1, "1 asleep");
    }
    REQUIRE(group.submit(std::span(all).subspan(1)) == 7);
    if (!other_sleeps) { // the busy worker has three, the group four
        ring polls(*on.queue, {.depth = 8});
        await([&] {
            polls.poll();
            return group_says(*on.queue, 1, "outstanding: 4; submitted and not taken: 7");
        });
        polls.close();
        other.emplace(takes_rest);
    }
    other->join();
    CHECK(got.size() == 7);
    CHECK(are_outcomes(got));
    // Four come first, because the busy worker's three were taken back later.
    const auto from = static_cast<std::ptrdiff_t>(other_sleeps ? 0 : 4);
    std::vector<request*> in_order(got.begin() + from, got.end());
    in_order.insert(in_order.end(), got.begin(), got.begin() + from);
    if (!other_sleeps)
        CHECK(in_order == std::vector<request*>(all.begin() + 1, all.end()));
    goes_on = true;
}

TEST_CASE("a pass gives two groups and three rings each their own completions")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 40, .rings_max = 5, .role = role});
    on.drive.held = 1;
    std::deque<fetch_group> groups;
    for (unsigned i = 0; i < 2; ++i)
        groups.emplace_back(*on.queue, fetch_group::options{.depth = 8});
    // Requests of both groups and of all rings reach the drive in turns.
    std::vector<std::unique_ptr<held_request>> requests;
    for (unsigned i = 0; i < 40; ++i)
        requests.push_back(std::make_unique<held_request>(1));
    std::atomic<unsigned> done{0}, rings{0};
    const watchdog dog(*on.queue);
    std::vector<std::unique_ptr<joined>> threads;
    for (unsigned i = 0; i < 2; ++i)
        threads.push_back(std::make_unique<joined>([&, i] {
            fetch mine(groups[i], {.batch_max = 5});
            std::vector<request*> wanted;
            for (unsigned k = 0; k < 8; ++k)
                wanted.push_back(requests[k * 5 + i].get());
            must(take(mine, 8) == wanted);
            must(are_outcomes(wanted));
            done.fetch_add(1);
        }));
    for (unsigned i = 2; i < 5; ++i)
        threads.push_back(std::make_unique<joined>([&, i] {
            ring own(*on.queue, {.depth = 8});
            for (unsigned k = 0; k < 8; ++k)
                must(own.submit(*requests[k * 5 + i]));
            own.flush();
            rings.fetch_add(1);
            must(own.wait(8) == 8);
            for (unsigned k = 0; k < 8; ++k)
                must(is_answered(*requests[k * 5 + i]));
            done.fetch_add(1);
        }));
    for (unsigned k = 0; k < 8; ++k)
        for (unsigned i = 0; i < 2; ++i)
            must(groups[i].submit(*requests[k * 5 + i]));
    await([&] { return on.drive.sent.load() == 40 && rings.load() == 3; });
    await_words(*on.queue, 1, "1 wait");
    await_words(*on.queue, 2, "1 wait");
    on.drive.held = 0;
    await([&] { return done.load() == 5; });
}

TEST_CASE("a worker whose deadline passes while it is chosen to poll leaves no other worker asleep")
{
    // By chance the ring's wait and the first worker's deadline end within a few microseconds. Then
    // the ring and that worker make no call until the round is over.
    chance random("late worker");
    CAPTURE(random.seed());
    scripted_queue on({.depth = 24, .rings_max = 2, .role = role_policy::waiter});
    on.drive.latency = microseconds(400);
    fetch_group group(*on.queue, {.depth = 2});
    std::atomic<std::uint64_t> round{0}, got{0};
    const std::uint64_t rounds = test::rounds("late worker", 300);
    const watchdog dog(*on.queue);
    joined late([&] {
        chance mine(random.seed(), 1);
        fetch own(group);
        for (std::uint64_t i = 1; i <= rounds; ++i) {
            await([&] { return round.load() >= i; });
            const auto until = steady_clock::now() + microseconds(200 + mine.below(300));
            got.fetch_add(own.next(until).size());
            await([&] { return got.load() >= i; });
        }
    });
    joined sleeps([&] {
        fetch own(group);
        for (;;) {
            const auto batch = own.next();
            if (batch.empty())
                return;
            must(is_outcome(*batch[0]));
            got.fetch_add(batch.size());
        }
    });
    ring own(*on.queue, {.depth = 8});
    held_request mine(0), theirs(0);
    for (std::uint64_t i = 1; i <= rounds; ++i) {
        await([&] { return testing_access::sleeping(*on.queue) >= 1; });
        REQUIRE(own.submit(mine));
        own.flush();
        round = i;
        std::this_thread::sleep_for(microseconds(random.below(200)));
        must(group.submit(theirs)); // completes after the ring's own request
        must(own.wait(1) == 1);
        await([&] { return got.load() >= i; });
    }
    late.join();
    group.close();
}

TEST_CASE("an eventfd reports a batch and the end of the group to an event loop")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::resident});
    std::optional<fetch_group> group(std::in_place, *on.queue, fetch_group::options{.depth = 8});
    const int event = ::eventfd(0, EFD_NONBLOCK);
    REQUIRE(event >= 0);
    const auto came = [event](int limit_ms) {
        pollfd on_event{.fd = event, .events = POLLIN, .revents = 0};
        eventfd_t count = 0;
        return ::poll(&on_event, 1, limit_ms) == 1 && ::eventfd_read(event, &count) == 0;
    };
    const int deadline_ms = static_cast<int>(kDeadline.count()) * 1000;
    {
        const watchdog dog(*on.queue);
        auto requests = flushes(8);
        const auto all = pointers(requests);
        fetch mine(*group, {.batch_max = 4, .event_fd = event});
        std::atomic<std::uint64_t> round{0};
        joined submits([&] {
            for (std::uint64_t i = 1; i <= 100; ++i) {
                await([&] { return round.load() >= i; });
                must(group->submit(all) == 8);
            }
        });
        for (std::uint64_t i = 1; i <= 100; ++i) {
            round = i;
            std::vector<request*> got;
            while (got.size() < 8) {
                const auto batch = take_now(mine);
                if (batch.empty())
                    REQUIRE(came(deadline_ms));
                got.insert(got.end(), batch.begin(), batch.end());
            }
            REQUIRE(got == all);
            REQUIRE(are_outcomes(got));
        }
        CHECK(take_now(mine).empty());
        static_cast<void>(came(0)); // an event for a batch that was taken already
        CHECK(take_now(mine).empty());
        CHECK(!came(20)); // no event without a batch
        joined closes([&] { group->close(); });
        CHECK(came(deadline_ms));
        closes.join();
        CHECK(take_now(mine).empty());
        CHECK(mine.has_ended());
    }
    ::close(event);
}
