// SPDX-License-Identifier: MIT
#include "bench/export.hpp"

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "bench/latency.hpp"
#include "bench/pace.hpp"
#include "invocation.hpp"

using namespace ngpoll::cli;

namespace {

/// A line of a percentile file.
struct row {
    double value = 0;
    double share = 0;
    std::uint64_t count = 0;
    double inverse = 0; ///< the last row has none
};

std::vector<row> rows_of(const std::string& text)
{
    std::vector<row> rows;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    CHECK(line == "       Value     Percentile TotalCount 1/(1-Percentile)");
    std::getline(lines, line);
    CHECK(line.empty());
    while (std::getline(lines, line) && !line.starts_with('#')) {
        row found;
        std::istringstream fields(line);
        fields >> found.value >> found.share >> found.count;
        REQUIRE_FALSE(fields.fail());
        fields >> found.inverse;
        rows.push_back(found);
    }
    return rows;
}

} // namespace

TEST_CASE("a percentile file has the histogram's percentiles and counts all values")
{
    ngpoll::test::chance chance("a percentile file");
    const std::uint64_t count = GENERATE(1U, 7U, 1000U, 100000U);
    latency_histogram histogram;
    for (std::uint64_t i = 0; i < count; ++i)
        histogram.add(1000 + chance.below(std::uint64_t{1} << chance.below(30)));
    const std::vector<row> rows = rows_of(hgrm_text(histogram, 2));
    REQUIRE_FALSE(rows.empty());
    CHECK(rows.front().share == 0);
    CHECK(rows.back().share == 1);
    CHECK(rows.back().count == count);
    CHECK(std::abs(rows.back().value - histogram.most() * 2 / 1000) < 0.001);
    for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
        CAPTURE(count, i, rows[i].value, rows[i].share);
        REQUIRE(rows[i].value <= rows[i + 1].value);
        REQUIRE(rows[i].share < rows[i + 1].share);
        REQUIRE(rows[i].count <= rows[i + 1].count);
        REQUIRE(std::abs(rows[i].inverse * (1 - rows[i].share) - 1) < 0.01);
        // The file has the upper end of a bucket, and the histogram returns its middle.
        const double expected = histogram.percentile(rows[i].share) * 2 / 1000;
        REQUIRE(std::abs(rows[i].value - expected) <= 0.01 * expected + 0.001);
        REQUIRE(static_cast<double>(rows[i].count)
            >= std::floor(rows[i].share * static_cast<double>(count)));
    }
}

TEST_CASE("a percentile file ends with mean, deviation and maximum")
{
    latency_histogram histogram;
    histogram.add(10000, 3);
    histogram.add(20000);
    const std::string text = hgrm_text(histogram, 1);
    CAPTURE(text);
    CHECK(text.find("#[Mean    =       12.5") != std::string::npos);
    CHECK(text.find("StdDeviation   =        4.3") != std::string::npos);
    CHECK(text.find("Total count    =            4]") != std::string::npos);
    CHECK(rows_of(hgrm_text({}, 1)).size() == 1); // without values only the last line remains
}

TEST_CASE("each second becomes a line, and figures that were not measured are empty")
{
    bench_result part;
    part.options.block_bytes = 512;
    bench_interval second{.seconds = 1, .end_seconds = 1};
    second.stats.finished_inline = 1000;
    part.intervals.push_back(second);
    second.end_seconds = 2;
    second.errors = 3;
    second.latency.count = 1;
    second.latency.mean_ns = 10;
    second.latency.max_ns = 20;
    second.latency.at_ns.fill(15);
    part.intervals.push_back(second);
    CHECK(csv_text(std::vector<bench_result>{part, {}})
        == "part,time,seconds,iops,bytes_per_second,errors,mean_ns,max_ns,p50_ns,p90_ns,p99_ns,"
           "p99_9_ns,p99_99_ns,p99_999_ns,p99_9999_ns\n"
           "1,1.000,1.000000,1000.0,512000,0,,,,,,,,,\n"
           "1,2.000,1.000000,1000.0,512000,3,10,20,15,15,15,15,15,15,15\n");
}

TEST_CASE("due times do not move when a command is late")
{
    pace third(1000, 2.0 / 3);
    third.start(5000000);
    CHECK(third.due_ns() == 5666666);
    third.advance();
    CHECK(third.due_ns() == 6666666);
    for (int i = 0; i < 999; ++i)
        third.advance();
    CHECK(third.due_ns() == 1005666666);
}

TEST_CASE("a command line is quoted for the shell")
{
    const char* const words[]
        = {"ngpoll", "bench", "-b512", "emu:size=1G,lba=512", "a b", "it's", ""};
    CHECK(shell_text(words) == "ngpoll bench -b512 emu:size=1G,lba=512 'a b' 'it'\\''s' ''");
}
