// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace ngpoll::detail {

/// A figure that one thread at a time writes. Any thread may read it.
class counter {
public:
    void add(std::uint64_t n) noexcept { set(get() + n); }
    void set(std::uint64_t value) noexcept
    {
        value_.store(value, std::memory_order_relaxed); // relaxed: a figure; single writer
    }
    [[nodiscard]] std::uint64_t get() const noexcept
    {
        return value_.load(std::memory_order_relaxed); // relaxed: a figure
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

} // namespace ngpoll::detail
