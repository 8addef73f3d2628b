// SPDX-License-Identifier: MIT
#include "bench/repetitions.hpp"

#include <string>
#include <vector>

#include "bench/comparison.hpp"

#include "../unit/catch.hpp"

using namespace ngpoll::cli;

namespace {

/// A run of `variant` that took one second.
bench_result run_of(std::size_t variant, std::size_t number, std::uint64_t ios)
{
    bench_result run;
    run.variant = variant;
    run.number = number;
    run.choice = variant == 0 ? "shared" : "private";
    run.total.seconds = 1;
    run.total.stats.finished_inline = ios;
    run.options.repeat = 5;
    return run;
}

/// Runs of two variants, in turns.
std::vector<bench_result> in_turns(
    const std::vector<std::uint64_t>& first, const std::vector<std::uint64_t>& second)
{
    std::vector<bench_result> done;
    for (std::size_t i = 0; i < first.size(); ++i) {
        done.push_back(run_of(0, done.size() + 1, first[i]));
        done.push_back(run_of(1, done.size() + 1, second[i]));
    }
    return done;
}

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("variants take turns")
{
    CHECK(take_turns(1, 1) == std::vector<std::size_t>{0});
    CHECK(take_turns(1, 3) == std::vector<std::size_t>{0, 0, 0});
    CHECK(take_turns(2, 3) == std::vector<std::size_t>{0, 1, 0, 1, 0, 1});
    CHECK(take_turns(3, 2) == std::vector<std::size_t>{0, 1, 2, 0, 1, 2});
}

TEST_CASE("the median is a measured value, the lower one of two")
{
    CHECK(place_of_median(std::vector<double>{7}) == 0);
    CHECK(place_of_median(std::vector<double>{3, 1, 2}) == 2);
    CHECK(place_of_median(std::vector<double>{4, 1, 3, 2}) == 3);
    CHECK(place_of_median(std::vector<double>{9, 5, 1, 5, 5}) == 1);
    CHECK(place_of_median(std::vector<double>{2, 2}) == 0);
}

TEST_CASE("the run with the median IOPS represents its variant")
{
    const std::vector<bench_result> done
        = in_turns({100, 500, 300, 200, 400}, {10, 20, 30, 50, 40});
    const std::vector<repeated_run> grouped = by_variant(done);
    REQUIRE(grouped.size() == 2);
    CHECK(grouped[0].runs.size() == 5);
    CHECK(grouped[0].median == &done[4]);
    CHECK(grouped[0].median->number == 5);
    CHECK(grouped[1].median == &done[5]);
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(grouped[1].runs[i] == &done[2 * i + 1]);
}

TEST_CASE("at a rate, the run with the median p99 represents its variant")
{
    std::vector<bench_result> done;
    for (const double p99 : {900.0, 100.0, 500.0}) {
        done.push_back(run_of(0, done.size() + 1, 1000 + done.size()));
        done.back().options.rate_iops = 1000;
        done.back().total.latency.count = 1000;
        done.back().total.latency.at_ns[2] = p99;
    }
    CHECK(by_variant(done).front().median->number == 3);
    for (bench_result& run : done)
        run.options.rate_iops = 0;
    CHECK(by_variant(done).front().median->number == 2);
}

TEST_CASE("a run that was cut short counts only if its variant has no other run")
{
    std::vector<bench_result> done = in_turns({100, 200}, {10, 20});
    done.back().cut_short = true;
    CHECK(by_variant(done)[1].runs.size() == 1);
    CHECK(by_variant(done)[1].median->number == 2);
    done.resize(2);
    done.back().cut_short = true;
    CHECK(by_variant(done)[1].median->number == 2);
    done.resize(1); // the second variant did not run
    CHECK(by_variant(done).size() == 1);
}

TEST_CASE("the spread is highest minus lowest, in percent of the median")
{
    const std::vector<bench_result> done = in_turns({90, 100, 110, 95, 105}, {1, 1, 1, 1, 1});
    const std::vector<repeated_run> grouped = by_variant(done);
    CHECK(spread_text(grouped[0])
        == "5 runs  median  least  most  spread\nIOPS    100     90     110   20.0%\n");
    CHECK(has(spread_text(grouped[1]), " 0.0%"));
    CHECK(spread_text(by_variant(std::span(done).first(2))[0]).empty());
}

TEST_CASE("a comparison of five and five runs says whether the difference is noise")
{
    const std::vector<bench_result> apart
        = in_turns({200, 210, 220, 230, 240}, {100, 110, 120, 130, 140});
    const std::string far = comparison_text(by_variant(apart));
    CHECK(has(far, "IOPS of shared against private: the difference is more than noise"));
    CHECK(has(far, "p=0.0079"));
    const std::vector<bench_result> mixed
        = in_turns({100, 200, 110, 210, 105}, {101, 201, 111, 211, 99});
    CHECK(has(comparison_text(by_variant(mixed)), "private: no more than noise"));
    const std::vector<bench_result> four = in_turns({200, 210, 220, 230}, {1, 2, 3, 4});
    CHECK(has(comparison_text(by_variant(four)), "note: 5 repetitions of each part"));
    CHECK_FALSE(has(comparison_text(by_variant(four)), "than noise (rank"));
}
