// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <future>
#include <thread>

namespace ngpoll::detail {

/// A thread of the engine's own that polls. It blocks all signals: those are for the program's own
/// threads.
class poller_thread {
public:
    /// The new thread calls `set_up` and then `run`. Returns once `set_up` is done. Throws what
    /// `set_up` throws, and where the thread cannot be made.
    poller_thread(std::function<void()> set_up, std::function<void()> run);
    poller_thread(const poller_thread&) = delete;
    poller_thread& operator=(const poller_thread&) = delete;
    /// Waits until `run` returns. The owner has told it to.
    ~poller_thread() { thread_.join(); }

private:
    std::thread thread_;
};

} // namespace ngpoll::detail
