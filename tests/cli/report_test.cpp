// SPDX-License-Identifier: MIT
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "report/html.hpp"
#include "report/page.hpp"
#include "report/rank_test.hpp"
#include "report/result_file.hpp"

#include "../unit/catch.hpp"

using namespace ngpoll::cli;

namespace {

std::string file_text(const std::string& name)
{
    std::ifstream file(std::string(NGPOLL_TEST_RESULTS "/") + name);
    std::ostringstream text;
    text << file.rdbuf();
    REQUIRE(!text.str().empty());
    return text.str();
}

result_document read(const std::string& name) { return parse_result(name, file_text(name)); }

double value_of(const measured_run& run, std::string_view path)
{
    for (std::size_t i = 0; i < kFigureCount; ++i)
        if (kFigures[i].path == path)
            return run.figures[i].value.value_or(-1);
    return -2;
}

std::size_t count_of(const std::string& text, const std::string& part)
{
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

bool about(double a, double b) { return a > b * 0.9999 && a < b * 1.0001; }

} // namespace

TEST_CASE("five and five values that do not overlap differ by more than noise")
{
    const std::vector<double> low{1, 2, 3, 4, 5};
    const std::vector<double> high{6, 7, 8, 9, 10};
    const auto up = compare_ranks(low, high);
    REQUIRE(up);
    CHECK(about(up->chance, 2.0 / 252)); // of 252 ways, two separate the values fully
    CHECK(up->more_than_noise());
    CHECK(about(compare_ranks(high, low)->chance, 2.0 / 252));
    // The third from either end of the 25 sorted ratios.
    CHECK(about(up->ratio_low, 6.0 / 4));
    CHECK(about(up->ratio_high, 8));
}

TEST_CASE("the chance counts all ways to divide the ranks")
{
    // One pair is in the wrong order. Of 252 ways two are further out, and two as far.
    CHECK(
        about(compare_ranks(std::vector<double>{1, 2, 3, 4, 6}, std::vector<double>{5, 7, 8, 9, 10})
                  ->chance,
            4.0 / 252));
    // Three pairs, then four. The test's published table has 0.0556 and 0.0952.
    CHECK(
        about(compare_ranks(std::vector<double>{1, 2, 3, 4, 8}, std::vector<double>{5, 6, 7, 9, 10})
                  ->chance,
            14.0 / 252));
    CHECK(
        about(compare_ranks(std::vector<double>{1, 2, 3, 4, 9}, std::vector<double>{5, 6, 7, 8, 10})
                  ->chance,
            24.0 / 252));
}

TEST_CASE("equal values are no difference, and ties are counted exactly")
{
    const std::vector<double> same(5, 3.0);
    CHECK(compare_ranks(same, same)->chance == 1);
    CHECK(compare_ranks(same, same)->ratio_low == 1);
    // In {1 1 1 1 1} and {1 2 2 2 2}, six ones share ranks, and so do four twos. In C(6,5) = 6 of
    // 252 ways one side has only ones. Six ways are as far out on the other side.
    CHECK(
        about(compare_ranks(std::vector<double>{1, 1, 1, 1, 1}, std::vector<double>{1, 2, 2, 2, 2})
                  ->chance,
            12.0 / 252));
}

TEST_CASE("fewer than five repetitions give no result, and zeros have no ratio")
{
    const std::vector<double> four{1, 2, 3, 4};
    const std::vector<double> five{10, 11, 12, 13, 14};
    CHECK_FALSE(compare_ranks(four, five));
    CHECK_FALSE(compare_ranks(five, four));
    const std::vector<double> zeros(5, 0.0);
    REQUIRE(compare_ranks(zeros, five));
    CHECK(compare_ranks(zeros, five)->more_than_noise());
    CHECK(compare_ranks(zeros, five)->ratio_low == 0);
}

TEST_CASE("with equal distributions less than 5 % of comparisons are more than noise")
{
    // All values are of one distribution, so p < 0.05 may come in at most 5 of 100 tries.
    std::uint64_t state = 1;
    const auto next = [&] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<double>(state >> 40);
    };
    int found = 0;
    for (int round = 0; round < 2000; ++round) {
        std::vector<double> a(5);
        std::vector<double> b(5);
        for (double& value : a)
            value = next();
        for (double& value : b)
            value = next();
        found += compare_ranks(a, b)->more_than_noise() ? 1 : 0;
    }
    CHECK(found > 2000 * 0.015); // exactly 8 of 252 ways: 3.2 %
    CHECK(found < 2000 * 0.05);
}

TEST_CASE("the median of an even number is the mean of the middle two")
{
    CHECK(median(std::vector<double>{3, 1, 2}) == 2);
    CHECK(median(std::vector<double>{4, 1, 2, 3}) == 2.5);
    CHECK(median({}) == 0);
}

TEST_CASE("numbers have separators for people and none for programs")
{
    CHECK(grouped_number(331608.25) == "331,608");
    CHECK(grouped_number(999) == "999");
    CHECK(grouped_number(-1234567) == "-1,234,567");
    CHECK(plain_number(331608.25) == "331608.25");
    CHECK(html_escaped("<a href=\"x\">&'\x01")
        == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\xef\xbf\xbd");
}

TEST_CASE("the parts of a comparison are columns with their repetitions")
{
    const result_document both = read("compare.json");
    REQUIRE(both.runs.size() == 2);
    CHECK(both.interleaved);
    CHECK(both.runs[0].label == "compare.json: shared");
    CHECK(value_of(both.runs[0], "summary.iops") == 300000.5);
    CHECK(value_of(both.runs[1], "summary.latency_ns.p99") == 2400000);
    CHECK(value_of(both.runs[1], "summary.cpu_ns_per_io") == 4420);
    CHECK(both.runs[1].figures[0].repetitions.size() == 5);
    CHECK(both.runs[0].intervals.size() == 3);
    CHECK(both.runs[0].percentiles.size() == 7);
    CHECK(both.runs[0].percentiles[3].percent == 99.9);
    CHECK(both.runs[0].percentiles[3].ns == 6000000);
    const std::string page = report_page(std::vector{both});
    CHECK(count_of(page, "<span class=\"small worse\">-10.0 %, more than noise</span>") == 1);
    CHECK(page.find("p 0.0079") != std::string::npos);
}

TEST_CASE("with four repetitions, or between files, the page says that it cannot tell")
{
    const std::string four = report_page(std::vector{read("four.json")});
    CHECK(four.find("-50.0 %, cannot tell") != std::string::npos);
    CHECK(four.find(" %, more than noise") == std::string::npos);
    // Another file with equal repetitions. The machine may have changed between the files.
    const std::string apart = report_page(
        std::vector{read("compare.json"), parse_result("later", file_text("compare.json"))});
    CHECK(count_of(apart, "-10.0 %, more than noise") == 1);
    CHECK(count_of(apart, "-10.0 %, cannot tell") >= 1);
}

TEST_CASE("fio's results become the figures of ngpoll's results")
{
    const result_document fio = read("fio.json");
    CHECK(fio.program == "fio-3.33");
    REQUIRE(fio.runs.size() == 2); // the job read and wrote
    CHECK(fio.runs[0].label == "fio.json: job, read");
    CHECK(value_of(fio.runs[0], "summary.iops") == 14138.203356);
    CHECK(fio.runs[0].percentiles.size() == 17);
    CHECK(value_of(fio.runs[0], "summary.latency_ns.p99_9") > 0);
    // (2.716049 + 24.839506) % of 2025 ms, for 28644 + 28701 I/Os.
    CHECK(about(value_of(fio.runs[0], "summary.cpu_ns_per_io"), 9730.53));
}

TEST_CASE("a sweep is a matrix, and the doctor's most urgent findings come first")
{
    const result_document sweep = read("sweep.json");
    REQUIRE(sweep.runs.size() == 4);
    CHECK(sweep.runs[3].coordinates
        == std::vector<std::pair<std::string, std::string>>{{"d", "8"}, {"b", "4096"}});
    const std::string page = report_page(std::vector{sweep, read("doctor.json")});
    CHECK(count_of(page, "<table class=\"matrix\">") == 3); // IOPS, p99 and processor time
    CHECK(page.find("<data value=\"12096\">12,096</data>") != std::string::npos);
    CHECK(page.find("<th scope=\"col\">b=4096</th>") != std::string::npos);
    CHECK(page.find("kernel_faults") < page.find("iommu"));
    CHECK(page.find("iommu") < page.find("poll_queues"));
    CHECK(page.find("poll_queues") < page.find("pcie_link"));
}

TEST_CASE("text from a result file is not read as HTML")
{
    std::string text = file_text("compare.json");
    const std::string evil = R"(</script><img src=x onerror=alert(1)>\"'&)";
    for (const std::string& word : {std::string("QEMU NVMe Ctrl"),
             std::string("AMD EPYC 9B14, 2 of 2"), std::string("shared")})
        text.replace(text.find(word), word.size(), evil);
    const std::string page = report_page(std::vector{parse_result("<b>name", text)});
    CHECK(page.find("<img") == std::string::npos);
    CHECK(page.find("<b>") == std::string::npos);
    CHECK(count_of(page, "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;") >= 3);
}

TEST_CASE("a file that is no result is refused, and odd results do no harm")
{
    CHECK_THROWS_AS(parse_result("x", ""), std::invalid_argument);
    CHECK_THROWS_AS(parse_result("x", "[1, 2]"), std::invalid_argument);
    CHECK_THROWS_AS(parse_result("x", "{}"), std::invalid_argument);
    CHECK_THROWS_AS(
        parse_result("x", "{\"summary\": {\"iops\": \"many\"}}"), std::invalid_argument);
    CHECK(parse_result("x", "note: from fio\n" + file_text("fio.json")).runs.size() == 2);
    const result_document odd = parse_result("x",
        R"({"summary": {"iops": 1, "latency_ns": null}, "intervals": [1, null, {"iops": "x"}],
            "parts": 3, "device": [], "sweep": {"a": 1}, "checks": [7], "options": {"a": [[1]]}})");
    REQUIRE(odd.runs.size() == 1);
    CHECK(!report_page(std::vector{odd}).empty());
}
