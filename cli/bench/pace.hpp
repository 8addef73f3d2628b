// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ngpoll::cli {

/// The times at which the I/Os of one thread are due. They are at even distances. An I/O that is
/// late or not finished does not delay the next one's time. Used by one thread.
class pace {
public:
    /// The first I/O is due `offset` (0 to 1) of a distance after the start. Threads with different
    /// offsets take turns.
    pace(double per_second, double offset) noexcept
        : distance_ns_(1e9 / per_second)
        , offset_ns_(distance_ns_ * offset)
    {
    }

    void start(std::uint64_t now_ns) noexcept
    {
        start_ns_ = now_ns;
        number_ = 0;
    }
    /// The time at which the next I/O is due.
    [[nodiscard]] std::uint64_t due_ns() const noexcept
    {
        // Each time is counted from the start, so that rounding errors do not add up.
        return start_ns_
            + static_cast<std::uint64_t>(offset_ns_ + distance_ns_ * static_cast<double>(number_));
    }
    void advance() noexcept { ++number_; }

private:
    const double distance_ns_;
    const double offset_ns_;
    std::uint64_t start_ns_ = 0;
    std::uint64_t number_ = 0;
};

} // namespace ngpoll::cli
