// SPDX-License-Identifier: MIT
//
// Tests refused options of fetch groups, mistakes of a caller, and calls inside callbacks.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include "catch.hpp"
#include "child_process.hpp"
#include "fetch_pool.hpp"

using namespace ngpoll;
using namespace ngpoll::test;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST_CASE("a group is refused on a queue on which no worker could poll, and without room")
{
    {
        drive one("emu:size=1M", {.depth = 8, .rings_max = 1});
        const auto refused = error_of([&] { const fetch_group group(one.queue); });
        CHECK(refused.value == EINVAL);
        CHECK(refused.says("rings_max 2 or more"));
    }
    {
        drive alone("emu:size=1M", {.depth = 8, .rings_max = 1, .role = role_policy::resident});
        CHECK(error_of([&] { const fetch_group group(alone.queue); }).value == EINVAL);
    }
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
    CHECK(error_of([&] { const fetch_group group(emulated.queue, {.depth = 9}); }).value == EBUSY);
    fetch_group first(emulated.queue, {.depth = 5});
    CHECK(error_of([&] { const fetch_group group(emulated.queue, {.depth = 4}); }).value == EBUSY);
    fetch_group second(emulated.queue);
    CHECK(second.depth() == 3); // the room that is left
    CHECK(error_of([&] { const fetch_group group(emulated.queue); }).value == EBUSY);
    first.close();
    const fetch_group third(emulated.queue, {.depth = 5});
    CHECK(third.depth() == 5);
}

TEST_CASE("a fetch is refused without room, with an event but no resident, and after the group's "
          "close")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2, .role = role});
    fetch_group group(emulated.queue, {.depth = 4});
    const auto no_room = error_of([&] { const fetch none(group, {.batch_max = 0}); });
    CHECK(no_room.value == EINVAL);
    CHECK(no_room.says("batch_max 0"));
    const auto by_event = error_of([&] { const fetch none(group, {.event_fd = STDERR_FILENO}); });
    CHECK(by_event.value == (role == role_policy::waiter ? EINVAL : 0));
    // At most `depth` requests can come at once.
    auto requests = flushes(4);
    fetch wide(group, {.batch_max = UINT32_MAX});
    REQUIRE(group.submit(pointers(requests)) == 4);
    CHECK(take(wide, 4) == pointers(requests));
    group.close();
    group.close();
    CHECK(error_of([&] { const fetch late(group); }).value == ESHUTDOWN);
    CHECK(!group.submit(requests[0]));
    CHECK(requests[0].status.taken == 0);
}

TEST_CASE("submit takes requests as far as there is room, and each batch makes room")
{
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
    fetch_group group(emulated.queue, {.depth = 3});
    fetch mine(group, {.batch_max = 2});
    auto requests = flushes(8);
    const auto all = pointers(requests);
    const watchdog dog(emulated.queue);
    CHECK(group.submit(std::span<request* const>()) == 0);
    CHECK(group.submit(all) == 3);
    CHECK(group.submit(std::span(all).subspan(3)) == 0);
    for (std::size_t given = 0; given < 8;) {
        const auto batch = mine.next();
        REQUIRE(!batch.empty());
        for (request* const r : batch)
            CHECK(r == all[given++]);
        const std::size_t next = given + 3 - batch.size();
        if (next < 8)
            CHECK(group.submit(std::span(all).subspan(next))
                == std::min<std::size_t>(batch.size(), 8 - next));
    }
    CHECK(take_now(mine).empty());
}

TEST_CASE("a group refuses a request that is outstanding")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    ring own(*on.queue, {.depth = 4});
    auto requests = flushes(3);
    const auto all = pointers(requests);
    const watchdog dog(*on.queue);
    if (kDebug) {
        CHECK(aborts_saying("an outstanding request was submitted to a fetch_group", [] {
            drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
            fetch_group inside(emulated.queue, {.depth = 4});
            counted_request r(flush_command(1));
            (void)inside.submit(r);
            (void)inside.submit(r);
        }));
        return;
    }
    request* const twice[] = {all[0], all[1], all[0], all[2]};
    for (unsigned again = 0; again < 3; ++again) {
        CHECK(group.submit(twice) == 2); // stops at the request that it has just taken
        CHECK(!group.submit(*all[0]));
        CHECK(!own.submit(*all[0]));
        fetch mine(group);
        CHECK(take(mine, 2) == std::vector<request*>{all[0], all[1]});
        // submit() did not touch the third request, so a ring takes it.
        REQUIRE(own.submit(*all[2]));
        CHECK(!group.submit(*all[2]));
        CHECK(own.wait(1) == 1);
    }
    CHECK(requests[2].finished == 3);
}

TEST_CASE("a callback of a ring may submit to a group, and gets nothing from next()")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    struct chain {
        fetch_group* group;
        fetch* from;
        counted_request follows{flush_command(1)};
        bool was_taken = false;
        std::size_t got = 0;
    };
    ring own(*on.queue, {.depth = 8});
    fetch mine(group);
    const watchdog dog(*on.queue);
    for (unsigned again = 0; again < 10; ++again) {
        auto requests = flushes(2);
        std::vector<std::unique_ptr<chain>> chains;
        for (counted_request& r : requests) {
            chains.push_back(std::make_unique<chain>());
            chains.back()->group = &group;
            chains.back()->from = &mine;
            r.context = chains.back().get();
            r.on_complete = [](request& done) noexcept {
                auto& its = *static_cast<chain*>(done.context);
                its.got += its.from->next().size();
                its.was_taken = its.group->submit(its.follows);
                its.got += its.from->next(steady_clock::now() + milliseconds(1)).size();
            };
            REQUIRE(own.submit(r));
        }
        REQUIRE(own.wait(2) == 2);
        CHECK(take(mine, 2) == std::vector<request*>{&chains[0]->follows, &chains[1]->follows});
        for (const auto& each : chains) {
            CHECK(each->was_taken);
            CHECK(each->got == 0);
            CHECK(each->follows.finished == 0);
            CHECK(is_outcome(each->follows));
        }
    }
}

TEST_CASE("a request that a callback submits goes to a worker that sleeps")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    CAPTURE(to_string(role));
    scripted_queue on({.depth = 16, .rings_max = 2, .role = role});
    fetch_group group(*on.queue, {.depth = 8});
    struct chain {
        fetch_group* group;
        counted_request follows{flush_command(1)};
    } second{.group = &group};
    std::atomic<unsigned> got{0};
    const watchdog dog(*on.queue);
    joined worker([&] {
        fetch mine(group);
        while (!mine.next().empty())
            got.fetch_add(1);
    });
    ring own(*on.queue, {.depth = 8});
    counted_request first(flush_command(1));
    first.context = &second;
    first.on_complete = [](request& done) noexcept {
        auto& its = *static_cast<chain*>(done.context);
        must(its.group->submit(its.follows));
    };
    for (unsigned again = 1; again <= 20; ++again) {
        await_words(*on.queue, 1, "1 asleep");
        REQUIRE(own.submit(first));
        REQUIRE(own.wait(1) == 1);
        await([&] { return got.load() == again; });
    }
    group.close();
}

TEST_CASE("a fetch used or closed on another thread stops the program")
{
    using use = void (*)(fetch&);
    const use each = GENERATE(use([](fetch& f) { (void)f.next(); }),
        use([](fetch& f) { (void)f.next(steady_clock::now()); }), use([](fetch& f) { f.close(); }));
    CHECK(aborts_saying("on another thread than the one that made it", [&] {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
        fetch_group group(emulated.queue, {.depth = 4});
        fetch mine(group);
        std::thread([&] { each(mine); }).join();
    }));
}

TEST_CASE("using a closed fetch stops the program, and closing it twice does not")
{
    CHECK(aborts_saying("a closed fetch was used", [] {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
        fetch_group group(emulated.queue, {.depth = 4});
        fetch mine(group);
        mine.close();
        mine.close();
        (void)mine.next();
    }));
}

TEST_CASE("a group or a fetch closed inside a callback of a ring stops the program")
{
    struct both {
        fetch_group* group;
        fetch* from;
    };
    const bool closes_group = GENERATE(true, false);
    CHECK(aborts_saying("from inside a callback of a ring", [&] {
        drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2});
        fetch_group group(emulated.queue, {.depth = 4});
        fetch mine(group);
        ring own(emulated.queue, {.depth = 4});
        both its{.group = closes_group ? &group : nullptr, .from = &mine};
        counted_request r(flush_command(1));
        r.context = &its;
        r.on_complete = [](request& done) noexcept {
            const auto& of = *static_cast<both*>(done.context);
            of.group != nullptr ? of.group->close() : of.from->close();
        };
        if (own.submit(r))
            own.wait(1);
    }));
}

TEST_CASE("a queue destroyed before its group stops the program")
{
    CHECK(aborts_saying("before its poll_queue is destroyed", [] {
        auto emulated = std::make_unique<drive>(
            "emu:size=1M", poll_queue::options{.depth = 8, .rings_max = 2});
        const fetch_group group(emulated->queue, {.depth = 4});
        emulated.reset();
    }));
}

TEST_CASE("a group used in a forked child aborts the child with an explanation")
{
    const auto role = GENERATE(role_policy::waiter, role_policy::resident);
    drive emulated("emu:size=1M", {.depth = 8, .rings_max = 2, .role = role});
    auto group = std::make_unique<fetch_group>(emulated.queue, fetch_group::options{.depth = 4});
    auto mine = std::make_unique<fetch>(*group);
    counted_request r(flush_command(1));
    request* const one[] = {&r};
    CHECK(aborts_saying("forked child", [&] { (void)group->submit(one); }));
    CHECK(aborts_saying("forked child", [&] { (void)group->submit(r); }));
    CHECK(aborts_saying("forked child", [&] { (void)mine->next(); }));
    CHECK(aborts_saying("forked child", [&] { const fetch more(*group); }));
    CHECK(aborts_saying("forked child", [&] { const fetch_group more(emulated.queue); }));
    // At its end the child's thread closes objects that it left open, but not its parent's.
    CHECK(in_child([] { std::exit(0); }).exited_well());
    CHECK(in_child([&] { // does nothing to the parent's objects
        mine.reset();
        group.reset();
    })
              .exited_well());
    // The parent's group and fetch go on.
    const watchdog dog(emulated.queue);
    REQUIRE(group->submit(r));
    CHECK(take(*mine, 1) == std::vector<request*>{&r});
}
