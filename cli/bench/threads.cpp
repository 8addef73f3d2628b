// SPDX-License-Identifier: MIT
#include "threads.hpp"

#include <cerrno>
#include <exception>
#include <system_error>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "group_worker.hpp"
#include "ring_worker.hpp"

namespace ngpoll::cli {

namespace {

int open_event()
{
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        throw std::system_error(errno, std::system_category(),
            "an event for the threads' end cannot be made; raise the limit on open files (ulimit "
            "-n)");
    return event;
}

} // namespace

bench_threads::bench_threads(std::uint32_t count)
    : count_(count)
    , ended_event_(open_event())
    , ready_(static_cast<std::ptrdiff_t>(count) + 1)
{
    // Reserve the room now. If push_back() threw later, it would destroy a worker that waits for
    // `all_made_`.
    workers_.reserve(count);
}

bench_threads::~bench_threads()
{
    stop();
    ::close(ended_event_);
}

void bench_threads::start(
    const bench_result& run, std::span<const std::unique_ptr<poll_queue>> queues)
{
    try {
        if (run.options.workers != 0)
            load_ = std::make_unique<group_load>(
                *queues.front(), run.options, run.drives.front().geometry);
        make_all(run, queues);
    } catch (...) {
        // relaxed: the latch orders it. Each thread that waits at the latch sees it and ends.
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
            for (std::uint32_t t = 0; t < drive.threads(); ++t) {
                const bench_worker::setting with{
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
                    .ended = [this] { note_end(); }};
                if (load_)
                    workers_.push_back(std::make_unique<group_worker>(with, *load_));
                else
                    workers_.push_back(std::make_unique<ring_worker>(with));
            }
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(),
            fmt::format("thread {} of {} cannot be made; give fewer threads (-n), or raise the "
                        "limits on memory and threads (ulimit -v, ulimit -u)",
                workers_.size() + 1, count_));
    }
}

void bench_threads::note_end()
{
    const std::lock_guard lock(mutex_);
    if (++ended_ == count_) {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(ended_event_, &one, sizeof one)); // has room for one
    }
    one_ended_.notify_one();
}

bool bench_threads::have_ended()
{
    const std::lock_guard lock(mutex_);
    return ended_ == count_;
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
