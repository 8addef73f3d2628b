// SPDX-License-Identifier: MIT
#include "stop_signals.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

/// An eventfd that is readable once a signal came. A handler may write to it at any time, on any
/// thread. Unlike a flag, it also ends a wait that is about to begin.
std::atomic<int> signal_event{-1};

/// When the first SIGINT or SIGTERM came; 0: none came so far.
std::atomic<std::int64_t> first_ns{0};

/// Whether a second signal must not end the process.
std::atomic<bool> is_held{false};

constexpr char kHeldText[]
    = "ngpoll: commands are in flight, and this kernel may crash when the process ends before the "
      "drive has answered; the process ends after the answer (or by kill -KILL)\n";

/// A second signal within this time counts as the first one. Some senders signal the process and
/// then its group: timeout(1), and shells and wrappers that pass a Ctrl-C on.
constexpr std::int64_t kSameNs = 500'000'000;

/// Whether this is the second SIGINT or SIGTERM.
bool is_second() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t now_ns = now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
    std::int64_t first = 0;
    // relaxed: nothing but the time is read; handlers on several threads agree on the first one.
    return !first_ns.compare_exchange_strong(first, now_ns, std::memory_order_relaxed)
        && now_ns - first >= kSameNs;
}

void note_signal(int signal)
{
    const int interrupted_errno = errno;
    // relaxed: it guards nothing else.
    if (signal != SIGHUP && is_second()) {
        if (is_held.load(std::memory_order_relaxed)) {
            static_cast<void>(!::write(STDERR_FILENO, kHeldText, sizeof kHeldText - 1));
            errno = interrupted_errno;
            return;
        }
        std::signal(signal, SIG_DFL);
        static_cast<void>(::raise(signal)); // takes effect when this handler returns
        return;
    }
    const std::uint64_t one = 1;
    // relaxed: set before the handler was installed.
    const ssize_t written = ::write(signal_event.load(std::memory_order_relaxed), &one, sizeof one);
    static_cast<void>(written); // fails only with a full counter; the event is readable then, too
    errno = interrupted_errno;
}

} // namespace

stop_signals::hold::hold() noexcept
{
    is_held.store(true, std::memory_order_relaxed); // relaxed: it guards nothing else
}

stop_signals::hold::~hold()
{
    is_held.store(false, std::memory_order_relaxed); // relaxed: as above
}

stop_signals::stop_signals()
{
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        throw std::system_error(errno, std::system_category(),
            "an event for signals cannot be made; raise the limit on open files (ulimit -n)");
    signal_event.store(event, std::memory_order_relaxed); // relaxed: before the handlers
    first_ns.store(0, std::memory_order_relaxed); // relaxed: as above
    struct sigaction action { };
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART; // system calls in set-up and on other threads do not fail
    sigset_t taken;
    sigemptyset(&taken);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], nullptr, &before_[i]);
        if (kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN)
            continue;
        ::sigaction(kSignals[i], &action, nullptr);
        sigaddset(&taken, kSignals[i]);
    }
    // The program that started this one may have left the signals blocked.
    ::pthread_sigmask(SIG_UNBLOCK, &taken, &mask_before_);
}

stop_signals::~stop_signals()
{
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        ::sigaction(kSignals[i], &before_[i], nullptr);
    // relaxed: the handlers are gone.
    ::close(signal_event.exchange(-1, std::memory_order_relaxed));
}

bool stop_signals::wait_until(clock::time_point deadline, int also) const
{
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::max(deadline - clock::now(), clock::duration::zero()));
        const timespec limit{.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000),
            .tv_nsec = static_cast<long>(left.count() % 1'000'000'000)};
        // relaxed: this thread set it.
        const int event = signal_event.load(std::memory_order_relaxed);
        std::array<pollfd, 2> came{{{.fd = event, .events = POLLIN, .revents = 0},
            {.fd = also, .events = POLLIN, .revents = 0}}};
        if (::ppoll(came.data(), came.size(), &limit, nullptr) >= 0)
            return came[0].revents != 0;
        // EINTR: the handler ran. The event is readable now.
        if (errno != EINTR)
            throw std::system_error(errno, std::system_category(), "waiting for signals");
    }
}

} // namespace ngpoll::cli
