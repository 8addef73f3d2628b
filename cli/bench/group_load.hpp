// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ngpoll/fetch_group.hpp>
#include <ngpoll/ngpoll.hpp>

#include "options.hpp"

namespace ngpoll::cli {

/// What the workers of a run share: the group, its requests with their buffers, and how many blocks
/// are still to do. The main thread makes it before the workers and destroys it after them.
///
/// Each request is submitted first by the worker whose share it is in. It is submitted again by the
/// worker that takes it, or retired. The worker that retires the last one closes the group, so that
/// nobody submits after that, and next() ends for all.
class group_load {
public:
    /// Throws what fetch_group and buffer_pool throw.
    group_load(poll_queue& queue, const bench_options& options, const bench_geometry& geometry);

    [[nodiscard]] fetch_group& group() noexcept { return group_; }
    [[nodiscard]] const buffer_pool& buffers() const noexcept { return buffers_; }
    [[nodiscard]] const std::vector<request>& requests() const noexcept { return requests_; }
    /// Those that worker `index` submits first; may be none.
    [[nodiscard]] std::span<request* const> share_of(std::uint32_t index) const noexcept;
    /// In ticks. Of the worker that has the request.
    [[nodiscard]] std::uint64_t& started_at(const request& r) noexcept
    {
        return started_at_[static_cast<std::size_t>(&r - requests_.data())];
    }

    /// How many of `count` requests may be submitted again. Any worker.
    [[nodiscard]] std::size_t claim(std::size_t count) noexcept
    {
        return is_limited_ ? claim_blocks(count) : count;
    }
    /// So many requests will not be submitted again. Any worker.
    void retire(std::size_t count) noexcept;

private:
    [[nodiscard]] std::size_t claim_blocks(std::size_t count) noexcept;

    const std::uint32_t workers_;
    const bool is_limited_; ///< by --blocks
    buffer_pool buffers_;
    std::vector<request> requests_;
    std::vector<request*> pointers_; ///< to those that are used
    std::vector<std::uint64_t> started_at_; ///< by the index of the request
    alignas(64) std::atomic<std::uint64_t> blocks_left_; ///< to submit
    std::atomic<std::size_t> not_retired_;
    fetch_group group_; ///< last: it closes before the memory goes that its commands use
};

} // namespace ngpoll::cli
