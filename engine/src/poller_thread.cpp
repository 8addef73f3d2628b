// SPDX-License-Identifier: MIT
#include "poller_thread.hpp"

#include <csignal>
#include <exception>
#include <system_error>
#include <utility>

#include <pthread.h>

#include "error.hpp"

namespace ngpoll::detail {

namespace {

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

poller_thread::poller_thread(std::function<void()> set_up, std::function<void()> run)
{
    std::promise<void> ready;
    std::future<void> started = ready.get_future();
    {
        const all_signals_blocked while_it_is_made; // the new thread inherits the mask
        try {
            thread_ = std::thread([&ready, &set_up, run = std::move(run)] {
                ::pthread_setname_np(::pthread_self(), "ngpoll-poller");
                try {
                    set_up();
                } catch (...) {
                    ready.set_exception(std::current_exception());
                    return;
                }
                ready.set_value(); // the maker may return: its locals are gone from here on
                run();
            });
        } catch (const std::system_error& error) {
            fail(error.code().value(),
                "the poller's thread cannot be made; raise the limits on threads and memory "
                "(ulimit -u, -v), or choose another role");
        }
    }
    try {
        started.get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

} // namespace ngpoll::detail
