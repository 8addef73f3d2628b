// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <csignal>

namespace ngpoll::cli {

/// SIGINT, SIGTERM and SIGHUP ask for an end while this exists, from set-up to the last summary;
/// afterwards they do what they did before. SIGHUP that was ignored (nohup) stays ignored.
///
/// A second SIGINT or SIGTERM, half a second after the first or later, ends the process at once. So
/// neither a drive that does not answer nor a reader that does not read can make it deaf. A signal
/// that comes sooner is the same request sent twice. SIGHUP has no second meaning: a closing
/// terminal often sends it twice.
///
/// While a `hold` exists, too, a second signal only says on standard error that it must wait.
///
/// One at a time, on the main thread. Throws std::system_error where there is no descriptor left.
class stop_signals {
public:
    using clock = std::chrono::steady_clock;

    /// For as long as the process must not end: the running kernel may crash when it does. One at a
    /// time.
    class hold {
    public:
        hold() noexcept;
        ~hold();
        hold(const hold&) = delete;
        hold& operator=(const hold&) = delete;
    };

    stop_signals();
    ~stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;

    /// Waits until `deadline`, or until the descriptor `also` is readable; true when a signal came,
    /// before this call or during it.
    [[nodiscard]] bool wait_until(clock::time_point deadline, int also = -1) const;
    [[nodiscard]] bool came() const { return wait_until(clock::now()); }

private:
    static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

    std::array<struct sigaction, kSignals.size()> before_{};
    sigset_t mask_before_{};
};

} // namespace ngpoll::cli
