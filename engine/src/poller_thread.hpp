// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <future>
#include <thread>

namespace ngpoll::detail {

/// A thread of the engine that polls. It blocks all signals: they are for the program's own
/// threads.
class poller_thread {
public:
    /// The new thread calls `set_up` and then `run`. The constructor returns once `set_up` is done.
    /// It throws what `set_up` throws, and std::system_error if the thread cannot be made.
    poller_thread(std::function<void()> set_up, std::function<void()> run);
    poller_thread(const poller_thread&) = delete;
    poller_thread& operator=(const poller_thread&) = delete;
    /// Waits until `run` returns. The owner must have told it to return.
    ~poller_thread() { thread_.join(); }

private:
    std::thread thread_;
};

} // namespace ngpoll::detail
