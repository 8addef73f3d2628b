// SPDX-License-Identifier: MIT
#include "rate_search.hpp"

#include <algorithm>
#include <cmath>

namespace ngpoll::cli {

namespace {

constexpr double kLowestShare = 0.01; ///< of the first run's IOPS
constexpr double kPrecision = 0.02;
/// A gap that is wider than this factor is halved on a logarithmic scale.
constexpr double kWideGap = 4;

/// The rate as a whole number with three significant digits, which the user can type again.
double rounded(double rate)
{
    const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(rate)) - 2));
    return std::round(rate / unit) * unit;
}

} // namespace

void rate_search::add(bool kept, double iops)
{
    if (phase_ == phase::ceiling) {
        begin(kept, iops);
        return;
    }
    if (!kept && !second_try_) {
        second_try_ = true;
        return;
    }
    second_try_ = false;
    (kept ? kept_ : broken_) = rate_;
    switch (phase_) {
    case phase::lowest:
        if (!kept)
            end_ = ending::none;
        else
            try_highest();
        break;
    case phase::highest:
        if (kept)
            end_ = ending::highest;
        else
            halve();
        break;
    default: halve();
    }
}

void rate_search::begin(bool kept, double iops)
{
    ceiling_ = iops < 1 ? 0 : rounded(iops);
    ceiling_kept_ = kept;
    if (ceiling_ < 1) {
        end_ = ending::none;
        return;
    }
    phase_ = phase::lowest;
    rate_ = std::max(1.0, rounded(std::max(1.0, ceiling_ * kLowestShare)));
}

void rate_search::try_highest()
{
    if (rate_ >= ceiling_) {
        end_ = ending::highest;
        return;
    }
    if (ceiling_kept_) {
        phase_ = phase::highest;
        rate_ = ceiling_;
        return;
    }
    broken_ = ceiling_;
    halve();
}

void rate_search::halve()
{
    phase_ = phase::between;
    const double low = *kept_;
    const double high = *broken_;
    if (high - low <= std::max(1.0, kPrecision * high)) {
        end_ = ending::found;
        return;
    }
    rate_ = rounded(high > kWideGap * low ? std::sqrt(low * high) : (low + high) / 2);
}

} // namespace ngpoll::cli
