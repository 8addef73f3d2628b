// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace ngpoll::cli {

/// The least repetitions of a run that can be compared. Four and four could reach p = 0.029, but
/// then a single disturbed repetition hides every difference.
constexpr std::size_t kRepetitionsMin = 5;
/// More repetitions cost time and tell nothing new; the test takes the first ones.
constexpr std::size_t kRepetitionsMax = 100;
/// A difference is called noise if chance alone makes it at least this often.
constexpr double kNoiseChance = 0.05;

/// The result of the Mann-Whitney test for two series of repetitions.
struct rank_comparison {
    /// Two-sided p: how often chance alone makes a difference as large as this.
    double chance = 1;
    /// The interval that holds the true ratio, second series over first, in 95 of 100 cases. Both
    /// ends are 0 if any value is not positive.
    double ratio_low = 0;
    double ratio_high = 0; ///< see ratio_low

    [[nodiscard]] bool more_than_noise() const noexcept { return chance < kNoiseChance; }
};

/// Compares by ranks. The test assumes nothing about how the values scatter, and a single outlier
/// does no harm. The distribution is exact, also with ties. Returns nothing if either series has
/// fewer than kRepetitionsMin values. A paired test of neighbouring repetitions would not do: five
/// pairs never get below p = 0.06.
[[nodiscard]] std::optional<rank_comparison> compare_ranks(
    std::span<const double> first, std::span<const double> second);

/// The middle value; 0 if there are no values.
[[nodiscard]] double median(std::span<const double> values);

} // namespace ngpoll::cli
