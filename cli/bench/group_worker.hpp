// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include <ngpoll/fetch_group.hpp>
#include <ngpoll/ngpoll.hpp>

#include "group_load.hpp"
#include "io_source.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// A thread of the benchmark that is a worker of a pool. It takes a batch of finished requests from
/// its fetch, and submits the batch again with one submit().
class group_worker final : public bench_worker {
public:
    group_worker(const setting& from, group_load& load);
    ~group_worker() override { join(); }

    [[nodiscard]] ring_stats stats() const override;
    [[nodiscard]] std::uint64_t batches() const noexcept override
    {
        return batches_.load(std::memory_order_relaxed); // relaxed: a statistic
    }

private:
    void work_until_end() override;
    void give_up() noexcept override;

    template <tick_source Clock>
    void work_of_kind();
    template <io_kind Kind, tick_source Clock>
    void work_on_batches();
    template <io_kind Kind, tick_source Clock>
    void finish(std::span<request* const> batch) noexcept;
    /// Gives a request its next I/O, which begins at `now`.
    template <io_kind Kind, tick_source Clock>
    void renew(request& r, std::uint64_t now) noexcept;
    template <tick_source Clock>
    void submit_first();

    // Read and written for every completion.
    io_source source_;
    group_load& load_;
    std::optional<fetch> fetch_;
    bool looks_at_first_; ///< checks the data of each request's first read
    std::atomic<std::uint64_t> batches_{0};

    mutable std::mutex closing_; ///< fetch_ must not close while another thread reads its figures
    ring_stats last_stats_; ///< of fetch_, after it was closed
};

} // namespace ngpoll::cli
