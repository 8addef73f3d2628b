// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace ngpoll::cli {

/// Random numbers of full 64-bit quality, in a few instructions each (Steele, Lea and Flood 2014,
/// "Fast Splittable Pseudorandom Number Generators").
class random_bits {
public:
    explicit random_bits(std::uint64_t seed) noexcept
        : state_(seed)
    {
    }

    std::uint64_t operator()() noexcept
    {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    /// 0 <= u < 1.
    double unit() noexcept { return static_cast<double>((*this)() >> 11U) * 0x1p-53; }

private:
    std::uint64_t state_;
};

/// Random ranks 1 <= k <= count. The chance of k is in proportion to k^-theta (Zipf's law). The
/// method is exact for any theta above 0 and needs no table: rejection-inversion (Hörmann and
/// Derflinger 1996).
class zipf_rank {
public:
    zipf_rank(double theta, std::uint64_t count) noexcept
        : theta_(theta)
        , count_(static_cast<double>(count))
        , area_first_(area(1.5) - 1)
        , area_last_(area(count_ + 0.5))
        , sure_(2 - place(area(2.5) - weight(2)))
    {
    }

    std::uint64_t operator()(random_bits& chance) const noexcept
    {
        // Bounded in practice: each round succeeds with a chance of more than a half.
        for (;;) {
            const double u = area_last_ + chance.unit() * (area_first_ - area_last_);
            const double x = place(u);
            const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
            if (rank - x <= sure_ || u >= area(rank + 0.5) - weight(rank))
                return static_cast<std::uint64_t>(rank);
        }
    }

private:
    [[nodiscard]] double weight(double x) const noexcept { return std::exp(-theta_ * std::log(x)); }
    /// The integral of weight() from 1 to `x`.
    [[nodiscard]] double area(double x) const noexcept
    {
        const double log_x = std::log(x);
        const double power = (1 - theta_) * log_x;
        // expm1(p) / p is 1 at 0. Near theta 1 a difference of powers would be only rounding error.
        return log_x * (std::abs(power) > 1e-8 ? std::expm1(power) / power : 1 + power / 2);
    }
    /// Where area() is `u`.
    [[nodiscard]] double place(double u) const noexcept
    {
        const double power = std::max(u * (1 - theta_), -1.0); // below -1 by rounding alone
        return std::exp(u * (std::abs(power) > 1e-8 ? std::log1p(power) / power : 1 - power / 2));
    }

    double theta_;
    double count_;
    double area_first_;
    double area_last_;
    double sure_; ///< a rank this near to its x needs no second test
};

/// Maps each rank 1 ... count to its own position 0 ... count - 1. Popular ranks lie far apart. All
/// threads use the same map, so they share the popular positions.
class scattered_ranks {
public:
    explicit scattered_ranks(std::uint64_t count) noexcept
        : count_(count)
        // A step of about the golden section puts neighbouring ranks far apart.
        , step_(std::max<std::uint64_t>(
              static_cast<std::uint64_t>(static_cast<double>(count) * 0.6180339887498949), 1))
    {
        while (std::gcd(step_, count_) != 1)
            ++step_; // ends at the next prime that does not divide count, if not before
    }

    [[nodiscard]] std::uint64_t position_of(std::uint64_t rank) const noexcept
    {
        return static_cast<std::uint64_t>(static_cast<wide>(rank) * step_ % count_);
    }

private:
    __extension__ using wide = unsigned __int128;

    std::uint64_t count_;
    std::uint64_t step_; ///< no common divisor with count, so that rank * step is any position
};

} // namespace ngpoll::cli
