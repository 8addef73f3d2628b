// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>

namespace ngpoll::cli {

/// The order in which a thread goes over its part of a range, each position once. The random order
/// takes steps that are coprime to the length: it is far from a sequence for the drive, and needs
/// no memory. The order is the same in each pass, so a position is never in flight twice.
class slice_order {
public:
    struct part {
        std::uint64_t positions = 0; ///< of the range
        std::uint32_t index = 0; ///< of `count` threads
        std::uint32_t count = 1;
        bool random = true;
    };

    explicit slice_order(const part& of) noexcept
        : begin_(share(of.positions, of.index, of.count))
        , length_(share(of.positions, of.index + 1, of.count) - begin_)
        , step_(of.random ? random_step(length_) : 1)
    {
    }

    /// The next position; nothing after the last.
    [[nodiscard]] std::optional<std::uint64_t> next() noexcept
    {
        if (given_ == length_)
            return std::nullopt;
        ++given_;
        const std::uint64_t position = begin_ + at_;
        at_ += step_;
        if (at_ >= length_)
            at_ -= length_;
        return position;
    }
    [[nodiscard]] std::uint64_t length() const noexcept { return length_; }

private:
    /// Where the part `index` begins. The sum cannot overflow: a range may have 2^55 positions.
    static std::uint64_t share(
        std::uint64_t positions, std::uint32_t index, std::uint32_t count) noexcept
    {
        return positions / count * index + positions % count * index / count;
    }
    /// About 0.618 of the length: neighbours in the order are far from each other on the drive.
    static std::uint64_t random_step(std::uint64_t length) noexcept
    {
        if (length < 3)
            return 1;
        auto step = static_cast<std::uint64_t>(static_cast<double>(length) * 0.6180339887498949);
        while (std::gcd(step, length) != 1)
            ++step;
        return step % length == 0 ? 1 : step % length;
    }

    std::uint64_t begin_;
    std::uint64_t length_;
    std::uint64_t step_;
    std::uint64_t at_ = 0;
    std::uint64_t given_ = 0;
};

} // namespace ngpoll::cli
