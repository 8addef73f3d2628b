// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../bench/placement.hpp"
#include "worker.hpp"

namespace ngpoll::cli {

/// The outcome of a phase.
struct phase_result {
    std::string name; ///< "write", "read back" or "check"
    std::uint32_t generation = 0; ///< of writes
    std::uint64_t done = 0; ///< acknowledged writes, or I/Os that were to be read
    std::uint64_t wrong = 0; ///< of reads: those with anything found
    bool is_state_known = true; ///< of reads: what was acknowledged is
    std::uint64_t bare = 0; ///< logical blocks without a stamp, where none has to be
    double seconds = 0;
    bool whole = false; ///< it went over the whole range
    std::exception_ptr failure; ///< why it could not go on

    [[nodiscard]] double iops() const noexcept
    {
        return seconds > 0 ? static_cast<double>(done) / seconds : 0;
    }
};

using poll_queues = std::vector<std::unique_ptr<poll_queue>>;

/// When a phase is to be looked at, and when it is to end.
struct phase_watch {
    /// Each second: I/Os done since the start, and seconds.
    std::function<void(std::uint64_t done, double seconds)> tell;
    /// Some times a second: whether to send no more.
    std::function<bool(double seconds)> is_over;
    /// Each second after that, while I/Os are in flight still.
    std::function<void(double seconds)> tell_waiting;
};

/// Runs a phase on threads of its own, and returns when each has ended. Throws where they could not
/// be made.
[[nodiscard]] phase_result run_phase(verify_phase& phase, const poll_queues& queues,
    const placement& layout, const phase_watch& watch);

} // namespace ngpoll::cli
