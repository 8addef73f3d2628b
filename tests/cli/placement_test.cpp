// SPDX-License-Identifier: MIT
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <ngpoll/processors.hpp>

#include "../unit/catch.hpp"
#include "bench/placement.hpp"

using ngpoll::allowed_processors;
using ngpoll::hardware_queue_map;
using ngpoll::pin_this_thread;
using ngpoll::ranges_text;
using ngpoll::cli::lay_out;
using ngpoll::cli::placement;
using ngpoll::cli::placement_bounds;
using ngpoll::cli::queue_choice;

namespace {

using cpus = std::vector<std::uint32_t>;

/// A map with the poll queues hctx4, hctx5 and so on, which have these processors.
hardware_queue_map drive_with(const std::vector<cpus>& queues)
{
    hardware_queue_map map;
    for (std::uint32_t i = 0; i < queues.size(); ++i)
        map.poll_queues.push_back({.index = 4 + i, .cpus = queues[i]});
    return map;
}

placement laid_out(const char* choice, std::uint32_t threads, const hardware_queue_map& map,
    const cpus& allowed = {0, 1, 2, 3})
{
    return lay_out(
        queue_choice::parse("--queues", choice), threads, {.map = map, .allowed = allowed});
}

/// Each thread's poll queue, hardware queue and processors, such as "0@4:0 1@5:1".
std::string text(const placement& layout)
{
    std::string all;
    std::uint32_t index = 0;
    for (const auto& seat : layout.seats) {
        all += all.empty() ? "" : " ";
        all += std::to_string(seat.queue);
        if (seat.hardware) {
            all += '@';
            all += std::to_string(layout.hardware[*seat.hardware].index);
            all += ':';
            all += ranges_text(layout.cpus_of(index));
        }
        ++index;
    }
    return all;
}

bool notes(const placement& layout, const std::string& words)
{
    for (const std::string& note : layout.notes)
        if (note.find(words) != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("without a map all threads share one poll queue and are not pinned")
{
    const auto emulated = laid_out("auto", 3, {});
    CHECK(text(emulated) == "0 0 0");
    CHECK(emulated.queues == 1);
    CHECK(emulated.notes.empty());

    hardware_queue_map unknown;
    unknown.unknown = "no such file";
    CHECK(text(laid_out("auto", 2, unknown)) == "0 0");
    CHECK(notes(laid_out("auto", 2, unknown), "one poll queue for all threads"));
    CHECK(notes(laid_out("auto", 2, unknown), "not known: no such file"));
    CHECK(laid_out("auto", 1, unknown).notes.empty());
    CHECK(text(laid_out("private", 2, unknown)) == "0 1");
    CHECK(notes(laid_out("private", 2, unknown), "keep to no processors"));
}

TEST_CASE("on a drive with one hardware poll queue no thread is pinned")
{
    const auto one = drive_with({{0, 1, 2, 3}});
    CHECK(text(laid_out("auto", 2, one)) == "0 0");
    CHECK(text(laid_out("shared", 2, one)) == "0 0");
    CHECK(laid_out("shared", 2, one).notes.empty());
    CHECK(text(laid_out("private", 2, one)) == "0 1");
    CHECK(text(laid_out("2", 3, one)) == "0 1 0");
    CHECK(laid_out("2", 3, one).notes.empty());
}

TEST_CASE(
    "auto makes one poll queue for each hardware queue and pins the threads to its processors")
{
    const auto two = drive_with({{0, 1}, {2, 3}});
    CHECK(text(laid_out("auto", 1, two)) == "0@4:0-1");
    CHECK(text(laid_out("auto", 2, two)) == "0@4:0-1 1@5:2-3");
    CHECK(text(laid_out("auto", 4, two)) == "0@4:0-1 1@5:2-3 0@4:0-1 1@5:2-3");
    CHECK(laid_out("auto", 1, two).queues == 1);
    CHECK(laid_out("auto", 3, two).queues == 2);
    CHECK(laid_out("auto", 3, two).threads_on(0) == 2);
    CHECK(laid_out("auto", 3, two).threads_on(1) == 1);
    CHECK(laid_out("auto", 3, two).notes.empty());
    CHECK(laid_out("auto", 3, two).hardware_of_queue(0) == 4U);
    CHECK(laid_out("auto", 3, two).hardware_of_queue(1) == 5U);
    CHECK_FALSE(laid_out("1", 3, two).hardware_of_queue(0)); // it spans both hardware queues
    CHECK_FALSE(laid_out("auto", 3, {}).hardware_of_queue(0));
}

TEST_CASE("a hardware queue with more processors gets more threads")
{
    const auto uneven = drive_with({{0}, {1, 2, 3}});
    CHECK(text(laid_out("auto", 4, uneven)) == "0@5:1-3 0@5:1-3 1@4:0 0@5:1-3");
    const auto nearly = drive_with({{0, 1}, {2}}); // each gets one before one gets two
    CHECK(text(laid_out("auto", 2, nearly)) == "0@4:0-1 1@5:2");
}

TEST_CASE("threads with private poll queues are pinned in the same way")
{
    const auto two = drive_with({{0, 1}, {2, 3}});
    CHECK(text(laid_out("private", 3, two)) == "0@4:0-1 1@5:2-3 2@4:0-1");
    CHECK(text(laid_out("3", 3, two)) == "0@4:0-1 1@5:2-3 2@4:0-1");
    CHECK(text(laid_out("1", 1, two)) == "0@4:0-1");
}

TEST_CASE("a given number of poll queues is dealt out to the hardware queues, or spans them")
{
    const auto two = drive_with({{0, 1}, {2, 3}});
    CHECK(text(laid_out("2", 4, two)) == "0@4:0-1 1@5:2-3 0@4:0-1 1@5:2-3");
    CHECK(text(laid_out("9", 2, two)) == "0@4:0-1 1@5:2-3");
    CHECK(laid_out("9", 2, two).queues == 2);
    CHECK(notes(laid_out("9", 2, two), "2 poll queues, not 9: each needs a thread"));
    CHECK(laid_out("2", 4, two).notes.empty());
    CHECK(text(laid_out("1", 2, two)) == "0 0");
    CHECK(notes(laid_out("1", 2, two), "1 poll queue must span the drive's 2"));
}

TEST_CASE("on a kernel that allows one poll queue, auto makes one over all hardware queues")
{
    placement_bounds old{
        .map = drive_with({{0, 1}, {2, 3}}), .allowed = {0, 1, 2, 3}, .queues_max = 1};
    const auto choice = queue_choice::parse("--queues", "auto");
    CHECK(text(lay_out(choice, 2, old)) == "0 0");
    CHECK(notes(lay_out(choice, 2, old), "this kernel allows no more"));
    CHECK(text(lay_out(choice, 1, old)) == "0@4:0-1");
    // The kernel itself refuses an explicit choice that it does not allow.
    CHECK(text(lay_out(queue_choice::parse("--queues", "private"), 2, old)) == "0@4:0-1 1@5:2-3");
}

TEST_CASE("hardware queues that this process cannot reach are left out and named")
{
    const auto two = drive_with({{0, 1}, {2, 3}});
    const auto second = laid_out("auto", 2, two, {3});
    CHECK(text(second) == "0 0");
    CHECK(notes(second, "hctx4 is left out: this process may use none of its cpus, 0-1"));

    const auto some = laid_out("auto", 2, drive_with({{0, 1}, {2, 3}, {4, 5}}), {1, 5});
    CHECK(text(some) == "0@4:1 1@6:5");
    CHECK(notes(some, "hctx5 is left out"));

    const auto none = laid_out("auto", 2, two, {7});
    CHECK(text(none) == "0 0");
    CHECK(notes(none, "one poll queue for all threads: this process reaches none"));
}

TEST_CASE("threads that no hardware queue places run on the drive's NUMA node")
{
    placement_bounds on{.map = {}, .allowed = {0, 1, 2, 3}, .node = 1, .node_cpus = {2, 3}};
    const auto choice = queue_choice::parse("--queues", "auto");
    const auto on_node = [&](std::uint32_t threads) {
        const placement made = lay_out(choice, threads, on);
        return made.node ? ranges_text(made.cpus_of(threads - 1)) : "anywhere";
    };
    CHECK(on_node(1) == "2-3");
    CHECK(on_node(3) == "2-3");
    CHECK(lay_out(choice, 2, on).notes.empty());
    // A resident runs there, too.
    CHECK(ranges_text(lay_out(choice, 2, on).cpus_of_queue(0)) == "2-3");
    on.map = drive_with({{0, 1, 2, 3}}); // a single hardware queue places no thread
    CHECK(on_node(2) == "2-3");
    on.map = drive_with({{0, 2}, {1, 3}});
    CHECK(lay_out(queue_choice::parse("--queues", "1"), 3, on).node == 1U);
    CHECK(notes(lay_out(queue_choice::parse("--queues", "1"), 3, on),
        "keep to no poll queue's processors: 1 poll queue must span the drive's 2"));
    CHECK(on_node(2) == "anywhere"); // the map says where
    CHECK(text(lay_out(choice, 2, on)) == "0@4:0,2 1@5:1,3");
    on.map = {};
    on.allowed = {0, 3};
    CHECK(on_node(2) == "3");
    on.allowed = {0, 1};
    CHECK(on_node(2) == "anywhere");
    CHECK(notes(lay_out(choice, 2, on),
        "not on the drive's NUMA node 1: this process may use none of its cpus, 2-3"));
    on.node.reset();
    CHECK(lay_out(choice, 2, on).notes.empty());
}

TEST_CASE("among equal hardware queues those on the drive's NUMA node come first")
{
    placement_bounds on{.map = drive_with({{0}, {1}, {2}, {3}}),
        .allowed = {0, 1, 2, 3},
        .node = 1,
        .node_cpus = {2, 3}};
    const auto choice = queue_choice::parse("--queues", "auto");
    CHECK(text(lay_out(choice, 1, on)) == "0@6:2");
    CHECK(text(lay_out(choice, 3, on)) == "0@6:2 1@7:3 2@4:0"); // each gets one before one gets two
    CHECK(text(lay_out(queue_choice::parse("--queues", "private"), 2, on)) == "0@6:2 1@7:3");
    on.map = drive_with({{0, 1, 2}, {3}}); // more processors still count for more
    CHECK(text(lay_out(choice, 1, on)) == "0@4:0-2");
}

TEST_CASE("an unknown value of --queues is refused by name")
{
    for (const char* word : {"", "0", "-1", "two", "2x", " 2", "4294967296", "Auto", "private,1"}) {
        CAPTURE(word);
        std::string what;
        try {
            static_cast<void>(queue_choice::parse("--compare", word));
        } catch (const std::invalid_argument& error) {
            what = error.what();
        }
        CHECK(what.find("--compare " + std::string(word) + ": give a number") == 0);
    }
}

TEST_CASE("a pinned thread stays on its processors")
{
    const cpus all = allowed_processors();
    REQUIRE_FALSE(all.empty());
    const cpus last = {all.back()};
    cpus seen;
    std::thread([&] {
        pin_this_thread(last);
        seen = allowed_processors();
    }).join();
    CHECK(seen == last);
    CHECK(allowed_processors() == all);
    CHECK_THROWS_AS(pin_this_thread({}), std::system_error);
}

TEST_CASE("the text of processors uses ranges")
{
    CHECK(ranges_text(cpus{}).empty());
    CHECK(ranges_text(cpus{3}) == "3");
    CHECK(ranges_text(cpus{0, 1, 2, 4, 6, 7}) == "0-2,4,6-7");
}
