// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace ngpoll::cli {

/// Fewer repetitions of either kind can never be told from noise: with four and four the test's
/// smallest p is 0.029, but one disturbed repetition then hides every difference.
constexpr std::size_t kRepetitionsMin = 5;
/// More of them cost time and tell nothing new; the test takes the first ones.
constexpr std::size_t kRepetitionsMax = 100;
/// What is called noise: differences that chance alone makes more often than this.
constexpr double kNoiseChance = 0.05;

/// What the Mann-Whitney test says of two series of repetitions.
struct rank_comparison {
    double chance = 1; ///< two-sided p: how often chance alone makes a difference as large as this
    double ratio_low = 0; ///< the second series over the first: the interval that holds the true
    double ratio_high = 0; ///< ratio in 95 of 100 cases; 0 where a value is not positive

    [[nodiscard]] bool more_than_noise() const noexcept { return chance < kNoiseChance; }
};

/// Compares by ranks: nothing is assumed of how values scatter, and one wild value does no harm.
/// The distribution is exact, also with ties. Empty with fewer than kRepetitionsMin values in
/// either series. Why not pair what ran side by side: five pairs never get below p = 0.06.
[[nodiscard]] std::optional<rank_comparison> compare_ranks(
    std::span<const double> first, std::span<const double> second);

/// The middle value; 0 of none.
[[nodiscard]] double median(std::span<const double> values);

} // namespace ngpoll::cli
