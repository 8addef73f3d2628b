// SPDX-License-Identifier: MIT
#include "bench/workload.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "bench/zipf_rank.hpp"
#include "command_line.hpp"

using namespace ngpoll::cli;

namespace {

std::string refusal(const std::function<void()>& parse)
{
    try {
        parse();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

/// How often each of `count` ranks came in `samples` draws, and how often each should come. Both
/// start with rank 1.
struct ranks {
    std::vector<std::uint64_t> seen;
    std::vector<double> expected;
};

ranks draw(double theta, std::uint64_t count, std::uint64_t samples, std::uint64_t seed)
{
    ranks drawn{.seen = std::vector<std::uint64_t>(count), .expected = std::vector<double>(count)};
    double all = 0;
    for (std::uint64_t k = 1; k <= count; ++k)
        all += std::pow(static_cast<double>(k), -theta);
    for (std::uint64_t k = 1; k <= count; ++k)
        drawn.expected[k - 1]
            = static_cast<double>(samples) * std::pow(static_cast<double>(k), -theta) / all;
    const zipf_rank next(theta, count);
    random_bits chance(seed);
    for (std::uint64_t i = 0; i < samples; ++i) {
        const std::uint64_t rank = next(chance);
        REQUIRE(rank >= 1);
        REQUIRE(rank <= count);
        ++drawn.seen[rank - 1];
    }
    return drawn;
}

/// The chi-square over ranks, as a normal deviate (Wilson and Hilferty 1931). Ranks with fewer than
/// 20 expected draws are taken together.
double deviate(const ranks& drawn)
{
    double chi_square = 0;
    double freedom = -1;
    double expected = 0;
    double seen = 0;
    const auto take = [&] {
        chi_square += (seen - expected) * (seen - expected) / expected;
        freedom += 1;
        expected = seen = 0;
    };
    for (std::size_t k = 0; k < drawn.seen.size(); ++k) {
        expected += drawn.expected[k];
        seen += static_cast<double>(drawn.seen[k]);
        if (expected >= 20)
            take();
    }
    if (expected > 0)
        take();
    const double spread = 2 / (9 * freedom);
    return (std::cbrt(chi_square / freedom) - (1 - spread)) / std::sqrt(spread);
}

} // namespace

TEST_CASE("--rw takes fio's words")
{
    const auto parse = [](const char* word) { return access_pattern::parse("--rw", word); };
    CHECK((!parse("read").random && parse("read").reads && !parse("read").writes()));
    CHECK((parse("randread").random && parse("randread").reads && !parse("randread").writes()));
    CHECK(parse("write").changes == operation::write);
    CHECK_FALSE(parse("write").reads);
    CHECK_FALSE(parse("write").random);
    CHECK(parse("randwrite").random);
    CHECK(parse("randrw").mixed());
    CHECK(parse("randrw").random);
    CHECK(parse("rw").mixed());
    CHECK(parse("readwrite").mixed());
    CHECK_FALSE(parse("readwrite").random);
    CHECK(parse("trim").changes == operation::trim);
    CHECK(parse("randtrim").random);
    CHECK(parse("write_zeroes").changes == operation::write_zeroes);
    for (const char* word : {"", "Read", "reads", "writezeroes", "randreadwrite", "read,write"}) {
        CAPTURE(word);
        CHECK(refusal([&] { parse(word); }).starts_with(as_given("--rw", word) + ": give read, "));
    }
}

TEST_CASE("positions are uniform or follow Zipf's law")
{
    const auto parse
        = [](const char* word) { return position_law::parse("--random-distribution", word); };
    CHECK(parse("random").zipf_theta == 0);
    CHECK(parse("uniform").zipf_theta == 0);
    CHECK(parse("zipf:1.2").zipf_theta == 1.2);
    CHECK(parse("zipf:1.2").text() == "zipf:1.2");
    CHECK(parse("zipf:1").zipf_theta == 1);
    CHECK(parse("uniform").text() == "random");
    for (const char* word : {"", "zipf", "zipf:", "zipf:0", "zipf:-1", "zipf:inf", "zipf:1e1",
             "zipf:101", "zipf:1.2.3", "pareto:0.2", "Zipf:1"}) {
        CAPTURE(word);
        CHECK(
            refusal([&] { static_cast<void>(parse(word)); }).find("zipf:1.2") != std::string::npos);
    }
}

TEST_CASE("a range is in bytes or in percent of the drive")
{
    const auto parse = [](const char* word) { return drive_share::parse("--size", word); };
    constexpr std::uint64_t kDrive = 1000000;
    CHECK(parse("64k").of(kDrive) == 65536);
    CHECK(parse("0").of(kDrive) == 0);
    CHECK(parse("20%").of(kDrive) == 200000);
    CHECK(parse("0%").of(kDrive) == 0);
    CHECK(parse("100%").of(kDrive) == kDrive);
    CHECK(parse("33%").of(199) == 65);
    CHECK(parse("100%").of(UINT64_MAX) == UINT64_MAX);
    CHECK(parse("20%").text() == "20%");
    CHECK(parse("4k").text() == "4096");
    for (const char* word : {"", "%", "101%", "-1%", "1.5%", "020%", "20 %", "20%%", "1x"}) {
        CAPTURE(word);
        CHECK(refusal([&] { static_cast<void>(parse(word)); }).starts_with("--size"));
    }
}

TEST_CASE("ranks follow Zipf's law")
{
    const double theta = GENERATE(0.3, 0.99, 1.0, 1.2, 2.5);
    const std::uint64_t count = GENERATE(1ULL, 2ULL, 7ULL, 1000ULL);
    ngpoll::test::chance chance("Zipf's ranks");
    const ranks drawn = draw(theta, count, 200000, chance.seed());
    CAPTURE(theta, count);
    if (count == 1) {
        CHECK(drawn.seen[0] == 200000);
        return;
    }
    CHECK(std::abs(deviate(drawn)) < 5); // a correct program exceeds this once in two million runs
}

TEST_CASE("ranks of a large drive follow the law between their powers of two, too")
{
    constexpr double kTheta = 1.2;
    constexpr std::uint64_t kCount = 30005842608; // 112 TiB of 4 KiB
    ngpoll::test::chance chance("ranks of a large drive");
    const zipf_rank next(kTheta, kCount);
    random_bits bits(chance.seed());
    constexpr int kSamples = 200000;
    // The mass of ranks up to k is (zeta(theta) - tail(k)) / (zeta(theta) - tail(count)). The tail
    // is the integral from k + 1/2 on, which is right to a millionth from k = 100 on.
    const auto tail = [](double k) { return std::pow(k + 0.5, 1 - kTheta) / (kTheta - 1); };
    double head = 0;
    for (int k = 1; k <= 100; ++k)
        head += std::pow(k, -kTheta);
    const double zeta = head + tail(100);
    for (const double limit : {100.0, 10000.0, 1e6, 1e8}) {
        int below = 0;
        for (int i = 0; i < kSamples; ++i)
            below += static_cast<double>(next(bits)) <= limit ? 1 : 0;
        const double share = (zeta - tail(limit)) / (zeta - tail(static_cast<double>(kCount)));
        const double spread = std::sqrt(share * (1 - share) / kSamples);
        CAPTURE(limit, share);
        CHECK(std::abs(below / static_cast<double>(kSamples) - share) < 5 * spread);
    }
}

TEST_CASE("each rank is scattered to its own position")
{
    const std::uint64_t count = GENERATE(1ULL, 2ULL, 3ULL, 6ULL, 30ULL, 1024ULL, 2310ULL);
    const scattered_ranks scattered(count);
    std::set<std::uint64_t> hit;
    for (std::uint64_t rank = 1; rank <= count; ++rank)
        hit.insert(scattered.position_of(rank));
    CAPTURE(count);
    CHECK(hit.size() == count);
    CHECK(*hit.rbegin() == count - 1);
}

TEST_CASE("the most popular positions are far apart")
{
    constexpr std::uint64_t kCount = 30005842608;
    const scattered_ranks scattered(kCount);
    for (std::uint64_t a = 1; a <= 10; ++a)
        for (std::uint64_t b = 1; b < a; ++b) {
            const auto at = static_cast<double>(scattered.position_of(a));
            const auto other = static_cast<double>(scattered.position_of(b));
            CHECK(std::abs(at - other) > static_cast<double>(kCount) / 100);
        }
}
