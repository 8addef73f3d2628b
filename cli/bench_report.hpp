// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "bench_options.hpp"
#include "bench_worker.hpp"

namespace ngpoll::cli {

/// What was finished over some stretch of time.
struct bench_interval {
    double seconds = 0;
    ring_stats stats{};
    std::uint64_t errors = 0;

    [[nodiscard]] std::uint64_t finished() const noexcept
    {
        return stats.finished_inline + stats.finished_deferred;
    }
    [[nodiscard]] double iops() const noexcept
    {
        return seconds > 0 ? static_cast<double>(finished()) / seconds : 0;
    }
    /// What came between `before` and this, both counted from the start.
    [[nodiscard]] bench_interval since(const bench_interval& before) const noexcept;
};

/// Everything a finished run has to say.
struct bench_result {
    namespace_info device;
    bench_options options;
    bench_geometry geometry;
    std::vector<poll_queue_report> queues;
    bool in_huge_pages = false;
    std::vector<bench_interval> intervals; ///< a second each
    bench_interval total;
    std::vector<bench_interval> threads;
    std::vector<error_count> errors;
};

/// The lines before the first figure: what is read, how, and what could not be had.
[[nodiscard]] std::string header_text(const bench_result& run);
/// The line each second; begins like t/io_uring's.
[[nodiscard]] std::string interval_text(const bench_interval& second, std::uint32_t block_bytes);
[[nodiscard]] std::string summary_text(const bench_result& run);
[[nodiscard]] std::string json_text(const bench_result& run);

} // namespace ngpoll::cli
