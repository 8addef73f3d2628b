// SPDX-License-Identifier: MIT
#include "bench/find.hpp"
#include "bench/rate_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "../unit/catch.hpp"

using namespace ngpoll::cli;

namespace {

/// A made-up drive. Its latency grows without bound as the rate nears iops_max.
struct drive {
    double iops_max;
    double latency_ns; ///< without load
    double limit_ns; ///< the limit to keep

    [[nodiscard]] double latency_at(double rate) const
    {
        return rate >= iops_max ? 1e12 : latency_ns / (1 - rate / iops_max);
    }
    /// The rate at which the latency reaches the limit.
    [[nodiscard]] double answer() const { return iops_max * (1 - latency_ns / limit_ns); }
};

/// Searches. `measure` returns whether a rate keeps the limit.
rate_search search(
    double iops_max, bool ceiling_kept, const std::function<bool(double)>& measure, int& steps)
{
    rate_search found;
    for (steps = 0; const auto rate = found.next(); ++steps) {
        REQUIRE(steps < rate_search::kStepsMax);
        found.add(*rate == 0 ? ceiling_kept : measure(*rate), iops_max);
    }
    return found;
}

rate_search search(const drive& of, int& steps)
{
    return search(
        of.iops_max, false, [&](double rate) { return of.latency_at(rate) <= of.limit_ns; }, steps);
}

/// A fixed sequence, equal on each machine.
class noise {
public:
    explicit noise(std::uint64_t seed)
        : state_(seed * 2 + 1)
    {
    }
    double uniform() ///< from 0 to 1
    {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<double>(state_ >> 11U) * 0x1p-53;
    }

private:
    std::uint64_t state_;
};

} // namespace

TEST_CASE("the search finds the rate within 2 %, wherever it lies")
{
    for (const double iops : {500.0, 8'000.0, 331'608.0, 12'345'678.0})
        for (const double share : {0.02, 0.05, 0.3, 0.5, 0.77, 0.9, 0.97}) {
            const drive of{.iops_max = iops, .latency_ns = 100, .limit_ns = 100 / (1 - share)};
            int steps = 0;
            const rate_search found = search(of, steps);
            CAPTURE(iops, share, steps);
            REQUIRE(found.end() == rate_search::ending::found);
            CHECK(of.latency_at(*found.kept()) <= of.limit_ns);
            CHECK(of.latency_at(*found.broken()) > of.limit_ns);
            CHECK(*found.broken() - *found.kept() <= std::max(1.0, 0.02 * *found.broken()));
            CHECK(std::abs(*found.kept() - of.answer()) <= std::max(1.0, 0.025 * of.answer()));
            CHECK(steps <= 25);
        }
}

TEST_CASE("rates are whole numbers with three significant digits, and stay within the bounds")
{
    for (const double iops : {3.0, 17.0, 999.0, 123'456.0}) {
        int steps = 0;
        search(
            iops, false,
            [&](double rate) {
                CHECK(rate == std::floor(rate));
                CHECK(rate >= 1);
                CHECK(rate <= iops);
                double digits = rate;
                while (digits >= 1000) {
                    CHECK(std::fmod(digits, 10) < 1e-6);
                    digits /= 10;
                }
                return rate < 0.4 * iops;
            },
            steps);
    }
}

TEST_CASE("a limit that the lowest rate breaks ends the search at once")
{
    int steps = 0;
    const rate_search found = search(
        1e6, false, [](double) { return false; }, steps);
    CHECK(found.end() == rate_search::ending::none);
    CHECK_FALSE(found.kept());
    CHECK(found.broken() == 10'000);
    CHECK(steps == 3); // without a rate, and twice the lowest rate
    rate_search nothing;
    nothing.add(false, 0);
    CHECK(nothing.end() == rate_search::ending::none);
}

TEST_CASE("a limit that the highest rate keeps ends the search at once")
{
    int steps = 0;
    const rate_search found = search(
        1e6, true, [](double) { return true; }, steps);
    CHECK(found.end() == rate_search::ending::highest);
    CHECK(found.kept() == 1'000'000);
    CHECK(steps == 3);
    // A run without a rate may keep the limit although a run at that rate breaks it.
    const rate_search below = search(
        1e6, true, [](double rate) { return rate < 9e5; }, steps);
    CHECK(below.end() == rate_search::ending::found);
    CHECK(*below.kept() > 8.7e5);
    CHECK(search(
              1, true, [](double) { return true; }, steps)
              .kept()
        == 1);
}

TEST_CASE("one disturbed run does not decide the search")
{
    for (int hiccup = 1; hiccup < 12; ++hiccup) {
        int steps = 0;
        int calls = 0;
        const rate_search found = search(
            1e6, false, [&](double rate) { return rate < 7e5 && ++calls != hiccup; }, steps);
        CHECK(found.end() == rate_search::ending::found);
        CHECK(*found.kept() > 6.8e5);
        CHECK(*found.kept() <= 7e5);
    }
}

TEST_CASE("noise moves the result only a little")
{
    // Each latency has 10 % of noise, and one run in 20 is disturbed and breaks the limit.
    constexpr int kRounds = 1000;
    // Reached at 750,000.
    const drive of{.iops_max = 1e6, .latency_ns = 50'000, .limit_ns = 200'000};
    std::vector<double> rates;
    for (int round = 0; round < kRounds; ++round) {
        noise random(static_cast<std::uint64_t>(round));
        int steps = 0;
        const rate_search found = search(
            of.iops_max, false,
            [&](double rate) {
                const double off = 0.9 + 0.2 * random.uniform();
                const bool disturbed = random.uniform() < 0.05;
                return !disturbed && off * of.latency_at(rate) <= of.limit_ns;
            },
            steps);
        rates.push_back(found.kept().value_or(0));
    }
    std::sort(rates.begin(), rates.end());
    CHECK(std::abs(rates[kRounds / 2] - of.answer()) < 0.04 * of.answer());
    CHECK(rates[kRounds / 20] > 0.93 * of.answer());
    CHECK(rates[kRounds - 1] < 1.1 * of.answer());
}

TEST_CASE("a run keeps a goal by the named figure and at the given rate")
{
    bench_result run;
    run.options.rate_iops = 1000;
    run.total.seconds = 2;
    run.total.latency.count = 2000;
    run.total.latency.mean_ns = 49.5e3;
    run.total.latency.max_ns = 899.5e3;
    for (std::size_t i = 0; i < kPercentiles.size(); ++i)
        run.total.latency.at_ns[i] = 100e3 * static_cast<double>(i + 1);
    run.total.stats.sent = 2000;
    for (std::size_t i = 0; i < kPercentiles.size(); ++i) {
        CAPTURE(kPercentiles[i].text);
        latency_goal goal = parse_goal(std::string("p") + kPercentiles[i].text + "=1s");
        goal.limit_ns = run.total.latency.at_ns[i];
        CHECK(keeps(goal, run));
        goal.limit_ns -= 1;
        CHECK_FALSE(keeps(goal, run));
    }
    CHECK(keeps(parse_goal("mean=50us"), run));
    CHECK_FALSE(keeps(parse_goal("mean=49us"), run));
    CHECK(keeps(parse_goal("max=900us"), run));
    CHECK_FALSE(keeps(parse_goal("max=899us"), run));
    // A drive that falls behind the rate does not keep the goal, however low its latency is.
    run.total.stats.sent = 1000;
    CHECK_FALSE(keeps(parse_goal("max=1s"), run));
    run.options.rate_iops = 0;
    CHECK(keeps(parse_goal("max=1s"), run));
    run.total.latency.count = 0;
    CHECK_FALSE(keeps(parse_goal("max=1s"), run));
}
