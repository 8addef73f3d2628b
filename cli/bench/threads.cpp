// SPDX-License-Identifier: MIT
#include "threads.hpp"

#include <exception>
#include <system_error>

#include <fmt/format.h>

namespace ngpoll::cli {

bench_threads::bench_threads(std::uint32_t count)
    : count_(count)
    , ready_(static_cast<std::ptrdiff_t>(count) + 1)
{
    // A worker that is made but finds no room here would be destroyed while it waits for
    // `all_made_`.
    workers_.reserve(count);
}

void bench_threads::start(
    const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues)
{
    try {
        make_all(run, queues);
    } catch (...) {
        // relaxed: the latch orders it. Each thread that waits there sees it and ends.
        given_up_.store(true, std::memory_order_relaxed);
        all_made_.count_down();
        stop();
        throw;
    }
    all_made_.count_down();
    ready_.arrive_and_wait();
    for (const auto& worker : workers_)
        if (worker->failure()) {
            stop();
            std::rethrow_exception(worker->failure());
        }
}

void bench_threads::make_all(
    const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues)
{
    try {
        for (const bench_drive& drive : run.drives)
            for (std::uint32_t t = 0; t < drive.threads(); ++t)
                workers_.push_back(std::make_unique<bench_worker>(bench_worker::setting{
                    .queue = *queues[drive.first_queue + drive.layout.seats[t].queue],
                    .device = drive.device,
                    .options = run.options,
                    .geometry = drive.geometry,
                    .clock = run.clock,
                    .index = drive.first_thread + t,
                    .index_on_drive = t,
                    .threads_on_drive = drive.threads(),
                    .cpus = drive.layout.cpus_of(t),
                    .all_made = all_made_,
                    .given_up = given_up_,
                    .ready = ready_,
                    .ended = [this] {
                        const std::lock_guard lock(mutex_);
                        ++ended_;
                        one_ended_.notify_one();
                    }}));
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(),
            fmt::format("thread {} of {} cannot be made; give fewer threads (-n), or raise the "
                        "limits on memory and threads (ulimit -v, ulimit -u)",
                workers_.size() + 1, count_));
    }
}

void bench_threads::begin_stop() noexcept
{
    for (const auto& worker : workers_)
        worker->stop();
}

bool bench_threads::wait_ended(clock::time_point deadline)
{
    std::unique_lock lock(mutex_);
    return one_ended_.wait_until(lock, deadline, [this] { return ended_ == workers_.size(); });
}

void bench_threads::stop() noexcept
{
    begin_stop();
    for (const auto& worker : workers_)
        worker->join();
}

} // namespace ngpoll::cli
