// SPDX-License-Identifier: MIT
#include "resident_poller.hpp"

#include <csignal>
#include <exception>
#include <system_error>

#include <pthread.h>

#include <ngpoll/poll_queue.hpp>

#include "error.hpp"

namespace ngpoll {

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

resident_poller::resident_poller(poll_queue& queue)
    : queue_(queue)
{
    std::promise<void> ready;
    std::future<void> started = ready.get_future();
    {
        const all_signals_blocked while_it_is_made; // the new thread inherits that
        try {
            thread_ = std::thread([this, &ready] { run(ready); });
        } catch (const std::system_error& error) {
            detail::fail(error.code().value(),
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
    // seq_cst: not after the look whether it sleeps; pairs with ring::rest(), which arms first.
    stop_.store(true, std::memory_order_seq_cst);
    ring_->wake_if_armed();
    thread_.join();
}

void resident_poller::run(std::promise<void>& ready) noexcept
{
    ::pthread_setname_np(::pthread_self(), "ngpoll-poller");
    try {
        ring_.reset(new ring(queue_, ring::for_resident{}));
    } catch (...) {
        ready.set_exception(std::current_exception());
        return;
    }
    ready.set_value();
    ring_->reside(stop_);
    ring_->close();
}

} // namespace ngpoll
