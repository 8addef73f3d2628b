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
#include "plan.hpp"

namespace ngpoll::cli {

/// The workers of a run share this: the group, its requests with their buffers, and the number of
/// blocks still to do. The main thread makes it before the workers and destroys it after them.
///
/// Each worker has a share of the requests and submits them the first time. Later the worker that
/// takes a finished request submits it again, or retires it. The worker that retires the last
/// request closes the group. After that no worker submits, and next() ends for all of them.
class group_load {
public:
    /// Throws what fetch_group and buffer_pool throw.
    group_load(poll_queue& queue, const bench_options& options, const bench_geometry& geometry);

    [[nodiscard]] fetch_group& group() noexcept { return group_; }
    [[nodiscard]] const buffer_pool& buffers() const noexcept { return buffers_; }
    [[nodiscard]] const std::vector<request>& requests() const noexcept { return requests_; }
    /// The requests that worker `index` submits the first time; may be none.
    [[nodiscard]] std::span<request* const> share_of(std::uint32_t index) const noexcept;
    /// When the request was submitted, in ticks. Only for the worker that has the request.
    [[nodiscard]] std::uint64_t& started_at(const request& r) noexcept
    {
        return started_at_[static_cast<std::size_t>(&r - requests_.data())];
    }

    /// How many of `count` requests the worker may submit again. Any worker may call it.
    [[nodiscard]] std::size_t claim(std::size_t count) noexcept
    {
        return is_limited_ ? claim_blocks(count) : count;
    }
    /// Says that `count` requests will not be submitted again. Any worker may call it.
    void retire(std::size_t count) noexcept;

private:
    [[nodiscard]] std::size_t claim_blocks(std::size_t count) noexcept;

    const std::uint32_t workers_;
    const bool is_limited_; ///< --blocks was given
    buffer_pool buffers_;
    std::vector<request> requests_;
    std::vector<request*> pointers_; ///< to the requests that are used
    std::vector<std::uint64_t> started_at_; ///< by the index of the request
    alignas(64) std::atomic<std::uint64_t> blocks_left_; ///< to submit
    std::atomic<std::size_t> not_retired_;
    fetch_group group_; ///< last, so that it closes before its commands' memory is freed
};

} // namespace ngpoll::cli
