// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ngpoll {

/// Running totals of one ring. Any thread may take a snapshot; each figure is exact by itself.
struct ring_stats {
    std::uint64_t finished_inline = 0; ///< found by this ring's own polling
    std::uint64_t finished_deferred = 0; ///< found by another ring and handed over
    std::uint64_t passes = 0; ///< polling passes this ring made
    std::uint64_t empty_passes = 0; ///< passes that found nothing
    std::uint64_t system_calls = 0; ///< calls of io_uring_enter that this ring made
    std::uint64_t sent = 0; ///< commands this ring sent to the drive, its own and others'
    std::uint64_t sleeps = 0; ///< times it slept because another ring polled
    std::uint64_t wakes = 0; ///< times it woke another ring, or the resident poller
    std::uint64_t takeovers = 0; ///< times it took over the poller's role

    /// Adds each figure of `other`.
    ring_stats& operator+=(const ring_stats& other) noexcept;
};

} // namespace ngpoll
