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
    std::uint64_t done = 0; ///< acknowledged writes, or reads, also failed ones
    std::uint64_t wrong = 0; ///< reads with a finding
    bool is_state_known = true; ///< reads knew which writes were acknowledged
    std::uint64_t unstamped = 0; ///< logical blocks without a stamp that need none
    double seconds = 0;
    bool whole = false; ///< it went over the whole range
    std::exception_ptr failure; ///< why the phase could not go on

    [[nodiscard]] double iops() const noexcept
    {
        return seconds > 0 ? static_cast<double>(done) / seconds : 0;
    }
};

using poll_queues = std::vector<std::unique_ptr<poll_queue>>;

/// The calls by which a phase reports, and asks whether to end.
struct phase_watch {
    /// Called each second, with the I/Os done and the seconds since the start.
    std::function<void(std::uint64_t done, double seconds)> tell;
    /// Called several times a second. Returns whether to send no more I/Os.
    std::function<bool(double seconds)> is_over;
    /// Called each second after that, while I/Os are still in flight.
    std::function<void(double seconds)> tell_waiting;
};

/// Runs a phase on threads of its own, and returns when all have ended. Throws if a thread could
/// not be made.
[[nodiscard]] phase_result run_phase(verify_phase& phase, const poll_queues& queues,
    const placement& layout, const phase_watch& watch);

} // namespace ngpoll::cli
