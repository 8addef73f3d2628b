// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "bench/group_load.hpp"
#include "bench/plan.hpp"
#include "bench/run.hpp"
#include "bench/target.hpp"
#include "option_list.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;

namespace {

bench_options parsed(std::vector<std::string> words)
{
    bench_options options;
    application command("ngpoll", "", "");
    option_list bench(command.app(), "bench", "");
    add_options(bench, options);
    words.insert(words.begin(), {"ngpoll", "bench"});
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    static_cast<void>(command.parse(static_cast<int>(arguments.size()), arguments.data()));
    return options;
}

const queue_choice kWorkers = queue_choice::parse("--compare", "workers");

/// A load for `workers` workers on an emulated drive.
struct made_load {
    nvme_namespace drive = nvme_namespace::open("emu:size=1M");
    poll_queue queue{drive, {.depth = 8, .rings_max = 2}};
    bench_options options;
    std::unique_ptr<group_load> load;

    made_load(std::uint32_t workers, std::uint32_t depth, std::uint64_t blocks)
    {
        options.workers = options.threads = workers;
        options.depth = depth;
        options.blocks = blocks;
        load = std::make_unique<group_load>(
            queue, options, bench_geometry{.transfer_bytes = 4096, .positions = 256});
    }
    /// The number of requests that are dealt out. Each must come once.
    [[nodiscard]] std::size_t dealt() const
    {
        std::set<const request*> all;
        std::size_t count = 0;
        for (std::uint32_t w = 0; w < options.workers; ++w)
            for (const request* const r : load->share_of(w)) {
                all.insert(r);
                ++count;
            }
        CHECK(all.size() == count);
        return count;
    }
};

} // namespace

TEST_CASE("the options of workers are parsed, and wrong values are refused")
{
    CHECK(parsed({}).workers == 0);
    CHECK(parsed({}).blocks == 0);
    CHECK_FALSE(parsed({}).has_seconds);
    CHECK(parsed({"-r3"}).has_seconds);
    CHECK(parsed({"--workers", "4"}).workers == 4);
    CHECK(parsed({"--blocks", "5000000000"}).blocks == 5'000'000'000);
    CHECK(parsed({"--work", "5000"}).work_ns == 5000);
    CHECK(parsed({"--work", "5us"}).work_ns == 5000);
    const bench_options slow = parsed({"--work", "30", "--slow-worker", "2:10"});
    CHECK(slow.work_ns_of(1) == 30);
    CHECK(slow.work_ns_of(2) == 300);
    for (const char* wrong : {"", ":", "1", "1:", ":2", "1:0", "-1:2", "1:2:3", "1:1.5"})
        CHECK_THROWS_AS(parsed({"--slow-worker", wrong}), std::invalid_argument);
    CHECK_THROWS_AS(parsed({"--work", "11s"}), std::invalid_argument);
}

TEST_CASE("the blocks dealt to the rings add up to all blocks")
{
    bench_options options;
    CHECK(options.blocks_of(0) == UINT64_MAX);
    options.threads = GENERATE(1U, 3U, 7U);
    options.blocks = GENERATE(1U, 2U, 10U, 1000U);
    std::uint64_t all = 0;
    for (std::uint32_t t = 0; t < options.threads; ++t) {
        all += options.blocks_of(t);
        CHECK(options.blocks_of(0) - options.blocks_of(t) <= 1);
    }
    CHECK(all == options.blocks);
}

TEST_CASE("rings that are compared with workers have an equal part of the depth each")
{
    bench_options options;
    options.workers = 4;
    options.depth = 64;
    options.compare = "rings,workers";
    const std::vector<queue_choice> parts = parts_of(options);
    REQUIRE(parts.size() == 2);
    CHECK(options_of(options, parts[0]).depth == 16);
    CHECK(options_of(options, parts[0]).workers == 0);
    CHECK(options_of(options, parts[1]).depth == 64);
    CHECK(options_of(options, parts[1]).workers == 4);
    CHECK(lay_out(parts[0], 1, {}).rings_least == 2);
    CHECK_THROWS_AS(queue_choice::parse("--queues", "workers"), std::invalid_argument);
}

TEST_CASE("each request is in one worker's share, and there are at most as many as blocks")
{
    CHECK(made_load(3, 8, 0).dealt() == 8);
    CHECK(made_load(5, 2, 0).dealt() == 2);
    CHECK(made_load(3, 8, 5).dealt() == 5);
    CHECK(made_load(2, 8, 100).dealt() == 8);
}

TEST_CASE("claims end with the blocks, and the last retired request closes the group")
{
    const made_load made(2, 8, 20);
    group_load& load = *made.load;
    CHECK(load.claim(8) == 8);
    CHECK(load.claim(8) == 4); // makes 20 with the first 8
    CHECK(load.claim(8) == 0);
    fetch posted(load.group());
    load.retire(5);
    CHECK(posted.next(std::chrono::steady_clock::now()).empty());
    CHECK_FALSE(posted.has_ended());
    load.retire(3);
    CHECK(posted.next().empty());
    CHECK(posted.has_ended());
    CHECK(made_load(1, 4, 0).load->claim(4) == 4);
}

TEST_CASE("a worker that writes in sequence writes each block exactly once")
{
    // As many I/Os as places, so one place that is left out would stay zero.
    bench_targets targets;
    targets.devices.push_back(nvme_namespace::open("emu:size=128K"));
    targets.permits.emplace_back();
    targets.places.emplace_back();
    bench_options options;
    options.rw = access_pattern::parse("--rw", "write");
    options.block_bytes = 512;
    options.depth = options.complete_batch = GENERATE(1U, 8U, 256U);
    options.blocks = 256;
    options.seconds = 20; // a limit if the blocks do not end the run
    options.workers = 1;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::tmpfile(), std::fclose);
    REQUIRE(nowhere);
    text_output out(nowhere.get());
    bench_display display{.out = out, .screen = nowhere.get()};
    const stop_signals signals;
    bench_result result;
    {
        bench_run run(plan_run(options, kWorkers, targets), targets.devices, display);
        CHECK_FALSE(run.measure(signals));
        result = run.take_result();
    }
    CHECK(result.total.finished() == 256);
    CHECK(result.total.batches >= 256 / options.depth);
    poll_queue queue(targets.devices[0]);
    const buffer_pool pool(queue, {.count = 1, .buffer_bytes = 128 << 10});
    ring reading(queue, {.depth = 1});
    request read;
    read.cmd = read_command(targets.devices[0].info().nsid, 0, 256);
    read.set_buffer(pool.at(0));
    REQUIRE(reading.submit(read));
    REQUIRE(reading.wait(1) == 1);
    REQUIRE(read.status.ok());
    const std::string zeros(512, '\0');
    const auto* const data = reinterpret_cast<const char*>(pool.at(0).data);
    for (std::size_t block = 0; block < 256; ++block)
        CHECK(std::string(data + block * 512, 512) != zeros);
}
