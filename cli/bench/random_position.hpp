// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ngpoll::cli {

/// Uniform positions 0 <= p < count, made one at a time, in two multiplications.
///
/// The generator is Knuth's linear congruential one for MMIX (TAOCP 2, 3.3.4). Its high bits are
/// the good ones. The range reduction uses just these: it takes the high half of a product (Lemire
/// 2019, "Fast Random Integer Generation in an Interval"). It leaves out the rejection step, so
/// there is a bias of at most count / 2^64.
class random_position {
public:
    random_position(std::uint64_t seed, std::uint64_t count) noexcept
        : state_(seed)
        , count_(count)
    {
    }

    std::uint64_t operator()() noexcept
    {
        state_ = state_ * 6364136223846793005ULL + 1; // any odd increment gives the full period
        return static_cast<std::uint64_t>((static_cast<wide>(state_) * count_) >> 64U);
    }

private:
    __extension__ using wide = unsigned __int128;

    std::uint64_t state_;
    std::uint64_t count_;
};

} // namespace ngpoll::cli
