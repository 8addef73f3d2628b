// SPDX-License-Identifier: MIT
#include "registered_buffers.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/resource.h>

#include "../error.hpp"

namespace ngpoll {

std::vector<iovec> regions_of(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
{
    std::vector<iovec> regions(count);
    for (std::uint32_t i = 0; i < count; ++i)
        regions[i] = {.iov_base = memory + i * stride, .iov_len = bytes};
    return regions;
}

void fail_registering(const failed_registration& failed)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    switch (failed.errno_value) {
    case ENOMEM:
        detail::fail(ENOMEM,
            fmt::format("registering {} needs {} KiB of locked memory{} and the limit is {} KiB; "
                        "raise it (ulimit -l unlimited) or lower the depth",
                failed.what, (failed.bytes + 1023) / 1024,
                failed.each_ring
                    ? " for each ring (by interrupt each ring registers the queue's buffers again)"
                    : "",
                limit.rlim_cur / 1024));
    case EEXIST:
        detail::fail(
            EEXIST, "a poll queue with rings_max 1 takes buffers only from its ring's thread");
    default:
        detail::fail(failed.errno_value, fmt::format("{} could not be registered", failed.what));
    }
}

std::uint32_t buffer_slots::take(std::uint32_t count)
{
    if (taken_.empty())
        taken_.resize(kFixedBuffersMax);
    const auto from = std::search_n(taken_.begin(), taken_.end(), count, false);
    if (from == taken_.end())
        detail::refuse(fmt::format(
            "no room for {} more registered buffers; a queue takes {}", count, kFixedBuffersMax));
    std::fill_n(from, count, true);
    return static_cast<std::uint32_t>(from - taken_.begin());
}

void buffer_slots::give_back(std::uint32_t first, std::uint32_t count) noexcept
{
    std::fill_n(taken_.begin() + first, count, false);
}

std::uint16_t buffer_table::add(std::span<const iovec> regions)
{
    const std::lock_guard lock(mutex_);
    const auto count = static_cast<std::uint32_t>(regions.size());
    const std::uint32_t first = slots_.take(count);
    try {
        if (regions_.size() < first + count) {
            changed_at_.resize(first + count);
            regions_.resize(first + count);
        }
    } catch (...) {
        slots_.give_back(first, count);
        throw;
    }
    std::copy(regions.begin(), regions.end(), regions_.begin() + first);
    changed(first, count);
    return static_cast<std::uint16_t>(first);
}

void buffer_table::remove(std::uint16_t first, std::uint32_t count) noexcept
{
    const std::lock_guard lock(mutex_);
    std::fill_n(regions_.begin() + first, count, iovec{});
    slots_.give_back(first, count);
    changed(first, count);
}

void buffer_table::changed(std::uint32_t first, std::uint32_t count) noexcept
{
    // relaxed: written under the mutex only.
    const std::uint64_t now = generation_.load(std::memory_order_relaxed) + 1;
    std::fill_n(changed_at_.begin() + first, count, now);
    // release: a ring that learns of the pool afterwards sees the change; pairs with the acquire in
    // generation().
    generation_.store(now, std::memory_order_release);
}

} // namespace ngpoll
