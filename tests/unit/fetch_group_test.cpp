// SPDX-License-Identifier: MIT
//
// Tests what a user sees of fetch groups, on scripted drives.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ngpoll/fetch_group.hpp>

#include "catch.hpp"
#include "scripted_drive.hpp"

using namespace ngpoll;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::counted_request;
using test::must;
using test::pointers;
using test::scripted_drive;
using test::scripted_queue;

namespace {

/// Takes batches until it has `wanted` requests.
std::vector<request*> take(fetch& from, std::size_t wanted)
{
    std::vector<request*> all;
    while (all.size() < wanted) {
        const auto batch = from.next();
        must(!batch.empty());
        all.insert(all.end(), batch.begin(), batch.end());
    }
    return all;
}

bool is_answered(const request& r)
{
    return r.status.ok() && r.result == scripted_drive::result_of(r);
}

} // namespace

TEST_CASE("a worker gets the submitted requests in the order in which they were found")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 64, .rings_max = 2, .role = role});
    const test::watchdog dog(*on.queue);
    fetch_group group(*on.queue, {.depth = 32});
    CHECK(group.depth() == 32);
    fetch mine(group, {.batch_max = 8});
    auto requests = test::flushes(40);
    const auto all = pointers(requests);
    REQUIRE(group.submit(all) == 32);
    CHECK(!group.submit(*all[32])); // the group is full
    const auto got = take(mine, 32);
    CHECK(got == std::vector<request*>(all.begin(), all.begin() + 32));
    for (const request* r : got)
        CHECK(is_answered(*r));
    REQUIRE(group.submit(std::span(all).subspan(32)) == 8);
    CHECK(take(mine, 8).size() == 8);
    CHECK(mine.next(steady_clock::now() + milliseconds(1)).empty());
    CHECK(!mine.has_ended());
    group.close();
    CHECK(mine.next().empty());
    CHECK(mine.has_ended());
    CHECK(mine.stats().finished_deferred == 40);
    for (const counted_request& r : requests)
        CHECK(r.finished == 0); // no callback
}

TEST_CASE("a batch that is given out makes room in the group at once")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    const test::watchdog dog(*on.queue);
    fetch_group group(*on.queue, {.depth = 1});
    fetch mine(group, {.batch_max = 4});
    auto requests = test::flushes(1);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(group.submit(requests[0]));
        const auto batch = mine.next();
        REQUIRE(batch.size() == 1);
        CHECK(is_answered(*batch[0]));
    }
}

TEST_CASE("has_ended() is false until next() has returned nothing after a close")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    const test::watchdog dog(*on.queue);
    fetch_group group(*on.queue, {.depth = 8});
    fetch mine(group);
    auto requests = test::flushes(4);
    CHECK(mine.next(steady_clock::now()).empty());
    REQUIRE(group.submit(pointers(requests)) == 4);
    group.close();
    CHECK(!mine.has_ended());
    CHECK(mine.next().size() == 4);
    CHECK(mine.next().empty());
    CHECK(mine.has_ended());
}

TEST_CASE("a worker whose deadline has passed makes one pass")
{
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role_policy::waiter});
    const test::watchdog dog(*on.queue);
    fetch_group group(*on.queue, {.depth = 8});
    fetch mine(group);
    auto requests = test::flushes(1);
    REQUIRE(group.submit(requests[0]));
    CHECK(mine.next(steady_clock::now()).size() == 1);
}
