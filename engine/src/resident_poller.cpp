// SPDX-License-Identifier: MIT
#include "resident_poller.hpp"

#include <csignal>
#include <exception>
#include <system_error>

#include <pthread.h>

#include "error.hpp"
#include "transport.hpp"

namespace ngpoll::detail {

namespace {

/// Signals are for the program's own threads.
class all_signals_blocked {
public:
    all_signals_blocked()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~all_signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    all_signals_blocked(const all_signals_blocked&) = delete;
    all_signals_blocked& operator=(const all_signals_blocked&) = delete;

private:
    sigset_t before_;
};

} // namespace

resident_poller::resident_poller(
    shared_queue<native>& queue, transport& drive, std::uint64_t number)
    : queue_(queue)
    , drive_(drive)
{
    passes_.number = number;
    std::promise<void> ready;
    std::future<void> started = ready.get_future();
    {
        const all_signals_blocked while_it_is_made; // the new thread inherits that
        try {
            thread_ = std::thread([this, &ready] { run(ready); });
        } catch (const std::system_error& error) {
            fail(error.code().value(),
                "the resident poller's thread cannot be made; raise the limits on threads and "
                "memory (ulimit -u, -v), or choose another role");
        }
    }
    try {
        started.get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

resident_poller::~resident_poller()
{
    // seq_cst: not after the look whether it sleeps; pairs with the resident's look after arming.
    stop_.store(true, std::memory_order_seq_cst);
    queue_.wake_resident();
    thread_.join();
}

void resident_poller::run(std::promise<void>& ready) noexcept
{
    ::pthread_setname_np(::pthread_self(), "ngpoll-poller");
    try {
        passes_.seat = drive_.attach();
    } catch (...) {
        ready.set_exception(std::current_exception());
        return;
    }
    ready.set_value();
    queue_.run_resident(passes_, stop_);
    drive_.detach(passes_.seat);
}

} // namespace ngpoll::detail
