// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "result.hpp"

namespace ngpoll::cli {

/// The lines before the first figure: the drives, the load and the machine.
[[nodiscard]] std::string drive_text(const bench_result& planned);
/// The layout of the threads, and the features that are not in force. Each part has such lines.
[[nodiscard]] std::string layout_text(const bench_result& run);
/// The line of a second. It begins like t/io_uring's.
[[nodiscard]] std::string interval_text(const bench_interval& second, std::uint32_t block_bytes);
/// The I/Os that are still in flight after the end of the run.
struct in_flight {
    int seconds = 0; ///< since the end of the run
    std::uint64_t requests = 0;
    bool may_not_end = false; ///< poll_queue_report::must_drain
};
[[nodiscard]] std::string in_flight_text(const in_flight& now);
[[nodiscard]] std::string summary_text(const bench_result& run);
/// The line of a brief run: "IOPS=331.61K, BW=1.26GiB/s, p50=98.3us, p99=812us".
[[nodiscard]] std::string brief_text(const bench_result& run);
/// A line for each kind of error.
[[nodiscard]] std::string errors_text(const bench_result& run);

/// A number per second: "331.61K".
[[nodiscard]] std::string rate_text(double per_second);
/// "162MiB/s"
[[nodiscard]] std::string bandwidth_text(double bytes_per_second);
/// "99.7%". "100%" means exactly all, and "0%" means none.
[[nodiscard]] std::string share_text(std::uint64_t part, std::uint64_t whole);

} // namespace ngpoll::cli
