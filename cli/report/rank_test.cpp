// SPDX-License-Identifier: MIT
#include "rank_test.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace ngpoll::cli {

namespace {

/// The ranks of all values together, times two. Equal values share the mean of their ranks; twice
/// that mean is a whole number.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& values)
{
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
        [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<std::size_t> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first + 1;
        while (end < order.size() && values[order[end]] == values[order[first]])
            ++end;
        for (std::size_t i = first; i < end; ++i)
            ranks[order[i]] = first + 1 + end; // (first + 1) + end is twice the mean rank
        first = end;
    }
    return ranks;
}

/// For each sum: the number of ways to choose `taken` of these ranks that have this sum.
std::vector<double> ways_of_sums(const std::vector<std::size_t>& ranks, std::size_t taken)
{
    const std::size_t all = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
    std::vector<std::vector<double>> ways(taken + 1, std::vector<double>(all + 1, 0));
    ways[0][0] = 1;
    for (const std::size_t rank : ranks)
        for (std::size_t count = taken; count >= 1; --count)
            for (std::size_t sum = all; sum >= rank; --sum)
                ways[count][sum] += ways[count - 1][sum - rank];
    return ways[taken];
}

/// The share of all choices with a sum at least as far from the middle as the sum of the first
/// `taken` ranks.
double chance_of(const std::vector<std::size_t>& ranks, std::size_t taken)
{
    const std::vector<double> ways = ways_of_sums(ranks, taken);
    const auto sum = static_cast<double>(std::accumulate(
        ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(taken), std::size_t{0}));
    // The mean rank is (n + 1) / 2, and these ranks are doubled.
    const double middle = static_cast<double>(taken) * static_cast<double>(ranks.size() + 1);
    double all = 0;
    double as_far = 0;
    for (std::size_t s = 0; s < ways.size(); ++s) {
        all += ways[s];
        if (std::abs(static_cast<double>(s) - middle) >= std::abs(sum - middle))
            as_far += ways[s];
    }
    return as_far / all;
}

/// The number of sorted ratios that lie outside of the interval at each end. It is the largest one
/// that leaves at least 95 % inside, by the distribution without ties.
std::size_t outside_each_end(std::size_t first, std::size_t second)
{
    std::vector<std::size_t> ranks(first + second);
    std::iota(ranks.begin(), ranks.end(), std::size_t{1});
    const std::vector<double> ways = ways_of_sums(ranks, second);
    const double all = std::accumulate(ways.begin(), ways.end(), 0.0);
    const std::size_t least = second * (second + 1) / 2;
    double below = 0;
    std::size_t outside = 0;
    while (least + outside < ways.size()) {
        below += ways[least + outside];
        if (2 * below / all > kNoiseChance)
            break;
        ++outside;
    }
    return outside;
}

} // namespace

std::optional<rank_comparison> compare_ranks(
    std::span<const double> first, std::span<const double> second)
{
    if (first.size() < kRepetitionsMin || second.size() < kRepetitionsMin)
        return std::nullopt;
    first = first.first(std::min(first.size(), kRepetitionsMax));
    second = second.first(std::min(second.size(), kRepetitionsMax));
    std::vector<double> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    rank_comparison result;
    result.chance = chance_of(doubled_ranks(all), first.size());
    if (*std::min_element(all.begin(), all.end()) <= 0)
        return result;
    std::vector<double> ratios;
    for (const double a : first)
        for (const double b : second)
            ratios.push_back(b / a);
    std::sort(ratios.begin(), ratios.end());
    const std::size_t outside = outside_each_end(first.size(), second.size());
    // The interval includes its ends: it starts at the last ratio that is left out.
    result.ratio_low = ratios[outside == 0 ? 0 : outside - 1];
    result.ratio_high = ratios[ratios.size() - (outside == 0 ? 1 : outside)];
    return result;
}

double median(std::span<const double> values)
{
    if (values.empty())
        return 0;
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

} // namespace ngpoll::cli
