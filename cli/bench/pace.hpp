// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ngpoll::cli {

/// When the I/Os of one thread are due: at even distances, whether or not the earlier ones are
/// done. Who is late does not move what comes after. Used by one thread.
class pace {
public:
    /// `offset`, 0 to 1, is what part of a distance the first is due after the start: threads with
    /// other offsets take turns.
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
    /// The next one's time.
    [[nodiscard]] std::uint64_t due_ns() const noexcept
    {
        // From the start each time, so that nothing adds up.
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
