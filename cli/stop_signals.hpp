// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <csignal>

namespace ngpoll::cli {

/// While this exists, SIGINT, SIGTERM and SIGHUP ask the command to end early. It exists from
/// set-up to the last summary. Afterwards the signals do what they did before. A SIGHUP that was
/// ignored (nohup) stays ignored.
///
/// A second SIGINT or SIGTERM ends the process at once if it comes half a second after the first or
/// later. So Ctrl-C works even when a drive does not answer, or when nobody reads the output. A
/// signal that comes sooner counts as the first one sent twice. A second SIGHUP never ends the
/// process: a closing terminal often sends it twice.
///
/// While a `hold` exists, a second signal does not end the process. It prints on standard error
/// what the process waits for.
///
/// Only one may exist at a time, on the main thread. Throws std::system_error if there is no
/// descriptor left.
class stop_signals {
public:
    using clock = std::chrono::steady_clock;

    /// While this exists, the process must not end, because the running kernel may crash when it
    /// does. Only one may exist at a time.
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

    /// Waits until `deadline`, until a signal comes, or until the descriptor `also` is readable.
    /// True if a signal came, before this call or during it.
    [[nodiscard]] bool wait_until(clock::time_point deadline, int also = -1) const;
    [[nodiscard]] bool came() const { return wait_until(clock::now()); }

private:
    static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

    std::array<struct sigaction, kSignals.size()> before_{};
    sigset_t mask_before_{};
};

} // namespace ngpoll::cli
