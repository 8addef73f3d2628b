// SPDX-License-Identifier: MIT
#include "bench/random_position.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"

using ngpoll::cli::random_position;

namespace {

/// The chi-square of `seen` against equal shares, as a normal deviate (Wilson and Hilferty 1931).
double deviate_from_uniform(const std::vector<std::uint64_t>& seen)
{
    std::uint64_t all = 0;
    for (const std::uint64_t n : seen)
        all += n;
    const double expected = static_cast<double>(all) / static_cast<double>(seen.size());
    double chi_square = 0;
    for (const std::uint64_t n : seen) {
        const double off = static_cast<double>(n) - expected;
        chi_square += off * off / expected;
    }
    const double freedom = static_cast<double>(seen.size()) - 1;
    const double spread = 2 / (9 * freedom);
    return (std::cbrt(chi_square / freedom) - (1 - spread)) / std::sqrt(spread);
}

/// A correct program exceeds five standard deviations, on either side, once in two million runs.
constexpr double kFiveSigma = 5;

} // namespace

TEST_CASE("positions are uniform over the whole namespace")
{
    // The last two sizes are not powers of two: one is below 2^32, and one is above.
    const std::uint64_t count = GENERATE(1000ULL, 2097152ULL, 3750748848ULL, 30005842608ULL);
    ngpoll::test::chance chance("uniform positions");
    random_position next(chance.seed(), count);
    const std::uint64_t bins = std::min<std::uint64_t>(count, 1024);
    const std::uint64_t samples = 1000000 * ngpoll::test::rounds("million positions", 1);
    std::vector<std::uint64_t> seen(bins);
    std::uint64_t least = count;
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i < samples; ++i) {
        const std::uint64_t position = next();
        REQUIRE(position < count);
        least = std::min(least, position);
        most = std::max(most, position);
        // floor(position * bins / count), in 128 bits as the generator does it
        ++seen[static_cast<std::size_t>(static_cast<double>(position) * static_cast<double>(bins)
            / static_cast<double>(count))];
    }
    const double deviate = deviate_from_uniform(seen);
    CAPTURE(count, deviate, least, most);
    CHECK(std::abs(deviate) < kFiveSigma);
    // The draws reach both ends: at least the first and the last ten-thousandth.
    CHECK(least <= count / 10000);
    CHECK(most >= count - 1 - count / 10000);
}

TEST_CASE("neighbouring positions are independent")
{
    ngpoll::test::chance chance("pairs of positions");
    constexpr std::uint64_t kSide = 32;
    random_position next(chance.seed(), kSide);
    std::vector<std::uint64_t> seen(kSide * kSide);
    for (int i = 0; i < 1000000; ++i) {
        const std::uint64_t first = next();
        ++seen[first * kSide + next()];
    }
    CHECK(std::abs(deviate_from_uniform(seen)) < kFiveSigma);
}

TEST_CASE("threads with different seeds read different blocks")
{
    random_position one(1, 1 << 30);
    random_position two(2, 1 << 30);
    unsigned same = 0;
    for (int i = 0; i < 1000; ++i)
        same += one() == two() ? 1 : 0;
    CHECK(same < 3);
}
