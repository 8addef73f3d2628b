// SPDX-License-Identifier: MIT
#include "group_load.hpp"

#include <algorithm>

#include "io_source.hpp"

namespace ngpoll::cli {

group_load::group_load(
    poll_queue& queue, const bench_options& options, const bench_geometry& geometry)
    : workers_(options.workers)
    , is_limited_(options.blocks != 0)
    , buffers_(queue,
          {.count = options.depth * io_source::buffers_per_request(options),
              .buffer_bytes = geometry.transfer_bytes,
              .fixed = options.fixed_buffers,
              .huge_pages = options.huge_pages})
    , requests_(options.depth)
    , started_at_(options.depth)
    , group_(queue, {.depth = options.depth})
{
    // With fewer blocks than requests, the other requests are never submitted.
    const auto used = is_limited_
        ? static_cast<std::size_t>(std::min<std::uint64_t>(options.depth, options.blocks))
        : requests_.size();
    for (request& r : std::span(requests_).first(used))
        pointers_.push_back(&r);
    // relaxed: the threads are made after this.
    blocks_left_.store(is_limited_ ? options.blocks - used : 0, std::memory_order_relaxed);
    not_retired_.store(used, std::memory_order_relaxed);
}

std::span<request* const> group_load::share_of(std::uint32_t index) const noexcept
{
    const std::size_t from = pointers_.size() * index / workers_;
    const std::size_t to = pointers_.size() * (index + 1) / workers_;
    return std::span(pointers_).subspan(from, to - from);
}

std::size_t group_load::claim_blocks(std::size_t count) noexcept
{
    // relaxed: the number alone is dealt out; no other memory depends on it.
    std::uint64_t left = blocks_left_.load(std::memory_order_relaxed);
    std::size_t mine = 0;
    do
        mine = static_cast<std::size_t>(std::min<std::uint64_t>(left, count));
    while (mine != 0
        && !blocks_left_.compare_exchange_weak(left, left - mine, std::memory_order_relaxed));
    return mine;
}

void group_load::retire(std::size_t count) noexcept
{
    // acq_rel: the submits of all workers come before the close.
    if (count != 0 && not_retired_.fetch_sub(count, std::memory_order_acq_rel) == count)
        group_.close();
}

} // namespace ngpoll::cli
