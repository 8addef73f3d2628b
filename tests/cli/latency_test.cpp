// SPDX-License-Identifier: MIT
#include "bench/latency.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "bench/tick_clock.hpp"

using namespace ngpoll::cli;

namespace {

/// A value whose magnitudes are about equally likely, like latencies with a long tail.
std::uint64_t any_magnitude(ngpoll::test::chance& chance)
{
    const std::uint64_t bits = chance.below(64);
    return (std::uint64_t{1} << bits) + chance.below(std::uint64_t{1} << bits);
}

/// The percentile of a sorted vector by nearest rank.
double exact_percentile(const std::vector<std::uint64_t>& sorted, double share)
{
    const auto rank
        = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return static_cast<double>(sorted[std::max<std::size_t>(rank, 1) - 1]);
}

/// The histogram promises this error for the middle and both ends of a bucket.
constexpr double kErrorMax = 0.016;

bool is_close(double found, double exact) { return std::abs(found - exact) <= kErrorMax * exact; }

} // namespace

TEST_CASE("each value is in a bucket that holds it and is at most 1.6 % wide")
{
    const auto check = [](std::uint64_t value) {
        const std::size_t at = latency_buckets::index_of(value);
        const std::uint64_t least = latency_buckets::least(at);
        const std::uint64_t most = latency_buckets::most(at);
        // One assertion in the lambda instead of one for each value, because there are very many
        // values.
        const bool holds_it = at < latency_buckets::kCount && least <= value && value <= most;
        if (!holds_it || static_cast<double>(most - least) > kErrorMax * static_cast<double>(least))
            FAIL("value " << value << " is in bucket " << at << ", " << least << " to " << most);
    };
    for (std::uint64_t value = 0; value < 70000; ++value)
        check(value);
    for (unsigned bit = 16; bit < 64; ++bit)
        for (std::uint64_t off = 0; off < 3; ++off) {
            check((std::uint64_t{1} << bit) + off);
            check((std::uint64_t{1} << bit) - 1 - off);
        }
    check(UINT64_MAX);
    ngpoll::test::chance chance("bucket bounds");
    for (int i = 0; i < 100000; ++i)
        check(any_magnitude(chance));
}

TEST_CASE("buckets follow each other without a gap")
{
    CHECK(latency_buckets::least(0) == 0);
    for (std::size_t i = 1; i < latency_buckets::kCount; ++i)
        REQUIRE(latency_buckets::least(i) == latency_buckets::most(i - 1) + 1);
    CHECK(latency_buckets::most(latency_buckets::kCount - 1) == UINT64_MAX);
}

TEST_CASE("percentiles are those of the sorted values")
{
    ngpoll::test::chance chance("percentiles");
    const std::size_t count = GENERATE(1U, 2U, 3U, 99U, 100U, 101U, 5000U);
    std::vector<std::uint64_t> sorted;
    latency_histogram histogram;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sorted.push_back(any_magnitude(chance) >> 16U); // a double holds each value exactly
        histogram.add(sorted.back());
        sum += static_cast<double>(sorted.back());
    }
    std::sort(sorted.begin(), sorted.end());
    CHECK(histogram.total() == count);
    for (const double share : {0.0, 0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.999999, 1.0}) {
        CAPTURE(count, share);
        CHECK(is_close(histogram.percentile(share), exact_percentile(sorted, share)));
    }
    CHECK(is_close(histogram.least(), static_cast<double>(sorted.front())));
    CHECK(is_close(histogram.most(), static_cast<double>(sorted.back())));
    CHECK(histogram.most() >= static_cast<double>(sorted.back()));
    CHECK(is_close(histogram.mean(), sum / static_cast<double>(count)));
}

TEST_CASE("histograms of several threads can be added, and a later one minus an earlier one")
{
    ngpoll::test::chance chance("merged histograms");
    latency_counts threads[3];
    latency_histogram all;
    for (int i = 0; i < 30000; ++i) {
        const std::uint64_t value = any_magnitude(chance);
        threads[chance.below(3)].add(value);
        all.add(value);
    }
    latency_histogram merged;
    for (const latency_counts& thread : threads)
        thread.add_to(merged);
    CHECK(merged.total() == all.total());
    latency_histogram twice = merged;
    twice += all;
    const latency_histogram again = twice.since(merged);
    for (std::size_t i = 0; i < latency_buckets::kCount; ++i) {
        REQUIRE(merged.in_bucket(i) == all.in_bucket(i));
        REQUIRE(again.in_bucket(i) == all.in_bucket(i));
    }
    CHECK(again.total() == all.total());
}

TEST_CASE("without a measurement every figure is zero")
{
    const latency_summary none = summarise({}, 1);
    CHECK(none.count == 0);
    CHECK(none.max_ns == 0);
    CHECK(none.mean_ns == 0);
    CHECK(none.p50_ns() == 0);
    CHECK(latency_histogram{}.since(latency_histogram{}).total() == 0);
}

TEST_CASE("a summary is in nanoseconds, and its percentiles rise")
{
    latency_histogram histogram;
    for (std::uint64_t i = 1; i <= 1000; ++i)
        histogram.add(1000 * i);
    const latency_summary of = summarise(histogram, 0.5);
    CHECK(of.count == 1000);
    CHECK(is_close(of.p50_ns(), 250000));
    CHECK(is_close(of.p99_ns(), 495000));
    CHECK(is_close(of.max_ns, 500000));
    CHECK(is_close(of.mean_ns, 250250));
    double before = of.min_ns;
    for (const double at : of.at_ns) {
        CHECK(at >= before);
        before = at;
    }
    CHECK(before <= of.max_ns);
}

TEST_CASE("ticks convert to the nanoseconds that passed")
{
    using namespace std::chrono;
    const tick_source source = best_tick_source();
    const tick_length length(source);
    const auto ticks = [&] {
        return source == tick_source::tsc ? ticks_now<tick_source::tsc>()
                                          : ticks_now<tick_source::system>();
    };
    const auto start = steady_clock::now();
    const std::uint64_t before = ticks();
    while (steady_clock::now() - start < milliseconds(50)) { }
    const std::uint64_t after = ticks();
    const double passed = duration<double, std::nano>(steady_clock::now() - start).count();
    const double measured = static_cast<double>(after - before) * length.nanoseconds();
    CAPTURE(to_string(source), passed, measured);
    // The error grows by the time that the thread loses its processor between two clock reads.
    CHECK(measured < passed * 1.02);
    CHECK(measured > 48e6);
    CHECK(tick_length(tick_source::system).nanoseconds() == 1);
}

TEST_CASE("the text of a duration is short and has a unit")
{
    CHECK(duration_text(0) == "0ns");
    CHECK(duration_text(812.4) == "812ns");
    CHECK(duration_text(999.6) == "1.00us");
    CHECK(duration_text(9990) == "9.99us");
    CHECK(duration_text(9996) == "10.0us");
    CHECK(duration_text(98320) == "98.3us");
    CHECK(duration_text(99960) == "100us");
    CHECK(duration_text(1e6) == "1.00ms");
    CHECK(duration_text(12.5e9) == "12.5s");
    CHECK(duration_text(4567e9) == "4567s");
}
