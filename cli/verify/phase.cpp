// SPDX-License-Identifier: MIT
#include "phase.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

using clock = std::chrono::steady_clock;

/// The threads of a phase.
class phase_threads {
public:
    phase_threads(verify_phase& phase, const poll_queues& queues, const placement& layout)
    {
        workers_.reserve(phase.threads);
        try {
            for (std::uint32_t t = 0; t < phase.threads; ++t)
                workers_.push_back(
                    std::make_unique<verify_worker>(verify_worker::setting{.phase = phase,
                        .queue = *queues[layout.seats[t].queue],
                        .index = t,
                        .cpus = layout.cpus_of(t),
                        .ended = [this] {
                            const std::lock_guard lock(mutex_);
                            ++ended_;
                            one_ended_.notify_one();
                        }}));
        } catch (const std::system_error& error) {
            stop();
            throw std::system_error(error.code(),
                fmt::format("thread {} of {} cannot be made; give fewer threads (-n), or raise "
                            "the limits on memory and threads (ulimit -v, ulimit -u)",
                    workers_.size() + 1, phase.threads));
        }
    }
    ~phase_threads() { stop(); }
    phase_threads(const phase_threads&) = delete;
    phase_threads& operator=(const phase_threads&) = delete;

    void begin_stop() noexcept
    {
        for (const auto& worker : workers_)
            worker->stop();
    }
    /// Waits until all have ended, or until `deadline`. Returns whether all have ended.
    [[nodiscard]] bool wait_ended(clock::time_point deadline)
    {
        std::unique_lock lock(mutex_);
        return one_ended_.wait_until(lock, deadline, [this] { return ended_ == workers_.size(); });
    }
    void stop() noexcept
    {
        begin_stop();
        for (const auto& worker : workers_)
            worker->join();
    }
    [[nodiscard]] bool has_failed() const noexcept
    {
        return std::any_of(workers_.begin(), workers_.end(),
            [](const auto& worker) { return worker->is_failed(); });
    }
    [[nodiscard]] std::uint64_t done() const noexcept
    {
        std::uint64_t sum = 0;
        for (const auto& worker : workers_)
            sum += worker->done();
        return sum;
    }
    [[nodiscard]] const std::vector<std::unique_ptr<verify_worker>>& workers() const noexcept
    {
        return workers_;
    }

private:
    std::mutex mutex_;
    std::condition_variable one_ended_;
    std::size_t ended_ = 0;
    std::vector<std::unique_ptr<verify_worker>> workers_; ///< last: its threads use those above
};

/// Waits for the end of the threads, and reports each second. Returns whether it stopped them.
bool watch_over(phase_threads& threads, const phase_watch& watch, clock::time_point start)
{
    constexpr auto kLook = std::chrono::milliseconds(50);
    bool stopped = false;
    double told = 1;
    while (!threads.wait_ended(clock::now() + kLook)) {
        const double seconds = std::chrono::duration<double>(clock::now() - start).count();
        if (!stopped && (threads.has_failed() || watch.is_over(seconds))) {
            threads.begin_stop();
            stopped = true;
        }
        if (seconds < told)
            continue;
        told += 1;
        if (stopped)
            watch.tell_waiting(seconds);
        else
            watch.tell(threads.done(), seconds);
    }
    return stopped;
}

} // namespace

phase_result run_phase(verify_phase& phase, const poll_queues& queues, const placement& layout,
    const phase_watch& watch)
{
    const clock::time_point start = clock::now();
    phase_threads threads(phase, queues, layout);
    const bool stopped = watch_over(threads, watch, start);
    threads.stop();
    phase_result result;
    result.generation = phase.generation;
    result.done = threads.done();
    result.is_state_known = phase.is_state_known;
    result.seconds = std::chrono::duration<double>(clock::now() - start).count();
    result.whole = !stopped && !threads.has_failed();
    for (const auto& worker : threads.workers()) {
        if (worker->failure())
            result.failure = worker->failure();
        result.unstamped += worker->unstamped();
        result.wrong += worker->wrong();
    }
    return result;
}

} // namespace ngpoll::cli
