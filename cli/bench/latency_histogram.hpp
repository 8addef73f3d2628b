// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "operation.hpp"

namespace ngpoll::cli {

/// Log-linear buckets over all 64-bit values: 64 of equal width for each power of two. Each value
/// below 128 has a bucket of its own. The width of a bucket is at most 1/64 of its least value. So
/// a value that is read back is off by at most 1.6 %.
struct latency_buckets {
    static constexpr unsigned kLinearBits = 6;
    static constexpr std::size_t kCount = std::size_t{64 - kLinearBits + 1} << kLinearBits;

    [[nodiscard]] static constexpr std::size_t index_of(std::uint64_t value) noexcept
    {
        const auto shift
            = static_cast<unsigned>(std::bit_width(value | (1U << kLinearBits))) - 1 - kLinearBits;
        return (std::size_t{shift} << kLinearBits) + static_cast<std::size_t>(value >> shift);
    }
    [[nodiscard]] static constexpr std::uint64_t least(std::size_t index) noexcept
    {
        const std::uint64_t shift = shift_of(index);
        return (index - (shift << kLinearBits)) << shift;
    }
    [[nodiscard]] static constexpr std::uint64_t most(std::size_t index) noexcept
    {
        return least(index) + ((std::uint64_t{1} << shift_of(index)) - 1);
    }
    /// The value that stands for all values of a bucket.
    [[nodiscard]] static constexpr double middle(std::size_t index) noexcept
    {
        return (static_cast<double>(least(index)) + static_cast<double>(most(index))) / 2;
    }

private:
    [[nodiscard]] static constexpr unsigned shift_of(std::size_t index) noexcept
    {
        const auto row = static_cast<unsigned>(index >> kLinearBits);
        return row < 2 ? 0 : row - 1;
    }
};

/// How often each latency occurred, in the ticks of the clock that measured them. Used by one
/// thread. It takes no memory before a value is added.
class latency_histogram {
public:
    void add(std::uint64_t value, std::uint64_t times = 1)
    {
        add_to_bucket(latency_buckets::index_of(value), times);
    }
    void add_to_bucket(std::size_t index, std::uint64_t times)
    {
        if (times == 0)
            return;
        counts_.resize(latency_buckets::kCount); // allocates the first time, then does nothing
        counts_[index] += times;
        total_ += times;
    }
    latency_histogram& operator+=(const latency_histogram& other)
    {
        for (std::size_t i = 0; i < other.counts_.size(); ++i)
            add_to_bucket(i, other.counts_[i]);
        return *this;
    }
    /// The values that were added after `before`, an earlier copy of this histogram.
    [[nodiscard]] latency_histogram since(const latency_histogram& before) const
    {
        latency_histogram came;
        for (std::size_t i = 0; i < counts_.size(); ++i)
            came.add_to_bucket(i, counts_[i] - before.in_bucket(i));
        return came;
    }

    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const noexcept
    {
        return counts_.empty() ? 0 : counts_[index];
    }

    // The figures of an empty histogram are 0.
    /// The value that `share` (0 to 1) of all values do not exceed, by nearest rank.
    [[nodiscard]] double percentile(double share) const noexcept;
    [[nodiscard]] double least() const noexcept;
    [[nodiscard]] double most() const noexcept;
    [[nodiscard]] double mean() const noexcept;
    [[nodiscard]] double standard_deviation() const noexcept;

private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t total_ = 0;
};

/// A histogram for each operation; the operation's value is the index.
using latency_set = std::array<latency_histogram, kOperations>;

/// The counts of one thread, which adds to them in its hot loop. Other threads may read them at the
/// same time. Each count is exact, but the counts may be of different moments.
class latency_counts {
public:
    /// Only the thread that owns the counts may call it.
    void add(std::uint64_t value) noexcept
    {
        std::atomic<std::uint64_t>& count = counts_[latency_buckets::index_of(value)];
        // relaxed: statistics with one writer.
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void add_to(latency_histogram& sum) const
    {
        for (std::size_t i = 0; i < counts_.size(); ++i)
            sum.add_to_bucket(i, counts_[i].load(std::memory_order_relaxed)); // relaxed: as above
    }

private:
    std::array<std::atomic<std::uint64_t>, latency_buckets::kCount> counts_{};
};

inline double latency_histogram::percentile(double share) const noexcept
{
    const auto rank
        = static_cast<std::uint64_t>(std::max(1.0, std::ceil(share * static_cast<double>(total_))));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if ((below += counts_[i]) >= rank)
            return latency_buckets::middle(i);
    return most(); // the share is 1, and the total too large for a double to be exact
}

inline double latency_histogram::least() const noexcept
{
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if (counts_[i] != 0)
            return static_cast<double>(latency_buckets::least(i));
    return 0;
}

inline double latency_histogram::most() const noexcept
{
    for (std::size_t i = counts_.size(); i-- > 0;)
        if (counts_[i] != 0)
            return static_cast<double>(latency_buckets::most(i));
    return 0;
}

inline double latency_histogram::mean() const noexcept
{
    double sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
        sum += latency_buckets::middle(i) * static_cast<double>(counts_[i]);
    return total_ == 0 ? 0 : sum / static_cast<double>(total_);
}

inline double latency_histogram::standard_deviation() const noexcept
{
    const double middle = mean();
    double sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        const double off = latency_buckets::middle(i) - middle;
        sum += off * off * static_cast<double>(counts_[i]);
    }
    return total_ == 0 ? 0 : std::sqrt(sum / static_cast<double>(total_));
}

} // namespace ngpoll::cli
