// SPDX-License-Identifier: MIT
#include "resident_poller.hpp"

#include <csignal>
#include <exception>

#include <pthread.h>

#include <ngpoll/poll_queue.hpp>

namespace ngpoll {

resident_poller::resident_poller(poll_queue& queue)
    : queue_(queue)
{
    std::promise<void> ready;
    std::future<void> started = ready.get_future();
    // Signals are for the program's own threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        thread_ = std::thread([this, &ready] { run(ready); });
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
