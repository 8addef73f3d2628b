// SPDX-License-Identifier: MIT
#include "bench/sweep.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "../unit/catch.hpp"
#include "bench/sweep_text.hpp"

using namespace ngpoll::cli;

namespace {

bench_options swept(const std::vector<std::string>& words)
{
    bench_options options;
    for (const std::string& word : words)
        options.sweeps.push_back(parse_sweep(word));
    return options;
}

} // namespace

TEST_CASE("an axis is an option, by any of its names, and values with commas between them")
{
    const sweep_axis axis = parse_sweep("iodepth=1,8,32");
    CHECK(axis.key == "d");
    CHECK(axis.values == std::vector<std::string>{"1", "8", "32"});
    CHECK(parse_sweep("random_distribution=zipf:1.2").key == "random-distribution");
    for (const char* wrong : {"", "=", "d", "d=", "d=1,", "d=,1", "json=x", "write=a:1", "r=1"})
        CHECK_THROWS_AS(parse_sweep(wrong), std::invalid_argument);
}

TEST_CASE("each combination is a cell, and the last axis changes first")
{
    bench_options options = swept({"d=1,8", "bs=512,4k"});
    options.threads = 3;
    const std::vector<sweep_cell> cells = cells_of(options);
    REQUIRE(cells.size() == 4);
    CHECK(values_text(cells[1].values) == "-d1 -b4k");
    CHECK(values_text(cells[2].values) == "-d8 -b512");
    CHECK(cells[1].options.depth == 1);
    CHECK(cells[1].options.block_bytes == 4096);
    CHECK(cells[1].values[1].number == 4096);
    CHECK(cells[2].options.depth == 8);
    CHECK(cells[2].options.block_bytes == 512);
    CHECK(cells[3].options.threads == 3); // an option that is not swept keeps its value
    CHECK(cells_of(bench_options{}).size() == 1);
}

TEST_CASE("an option accepts swept values as it accepts others")
{
    const std::vector<sweep_cell> cells
        = cells_of(swept({"rate=10k,1m", "queues=2", "t=0", "rw=randwrite"}));
    CHECK(cells[0].options.rate_iops == 10'000);
    CHECK(cells[1].options.rate_iops == 1'000'000);
    CHECK(cells[1].values[0].number == 1'000'000);
    CHECK(cells[0].options.queues == "2");
    CHECK_FALSE(cells[0].options.latency);
    CHECK(cells[0].options.pattern().writes());
    CHECK(values_text(cells[0].values) == "--rate 10k --queues 2 -t0 --rw randwrite");
    CHECK_FALSE(cells[0].values[3].number);
    for (const char* wrong : {"d=010", "b=4x", "p=2", "rw=frob", "rate=0", "n=1025", "d=-1"})
        CHECK_THROWS_AS(cells_of(swept({wrong})), std::invalid_argument);
    CHECK_THROWS_AS(cells_of(swept({"b=4k,4096"})), std::invalid_argument);
    CHECK_THROWS_AS(cells_of(swept({"d=1", "depth=2"})), std::invalid_argument);
}

TEST_CASE("a matrix has a place for each cell, also for cells that have not run")
{
    const bench_options options = swept({"d=1,8", "n=1,2"});
    std::vector<bench_result> done;
    for (const std::size_t variant : {0U, 1U, 2U}) { // the sweep was interrupted after three cells
        bench_result& run = done.emplace_back();
        run.variant = variant;
        run.total.seconds = 1;
        run.total.stats.finished_inline = 100 * (variant + 1);
    }
    CHECK(sweep_text(options, by_variant(done)) == "IOPS:\nd  n=1  n=2\n1  100  200\n8  300  -\n");
    for (bench_result& run : done) {
        run.total.latency.count = 1;
        run.total.latency.at_ns[0] = 5000;
        run.total.latency.at_ns[2] = 9000;
    }
    const std::string text = sweep_text(options, by_variant(done));
    CHECK(
        text.find("p50:\nd  n=1     n=2\n1  5.00us  5.00us\n8  5.00us  -\n") != std::string::npos);
    CHECK(text.find("p99:\n") != std::string::npos);
    CHECK(sweep_text(swept({"d=1,8,9,10"}), by_variant(done))
        == "d   IOPS  p50     p99\n1   100   5.00us  9.00us\n8   200   5.00us  9.00us\n"
           "9   300   5.00us  9.00us\n10  -     -       -\n");
}
