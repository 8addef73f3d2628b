// SPDX-License-Identifier: MIT
#include "ring_worker.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <utility>

#include <sys/prctl.h>

namespace ngpoll::cli {

ring_worker::ring_worker(const setting& from)
    : bench_worker(from)
    , source_({.device = from.device,
          .options = from.options,
          .geometry = from.geometry,
          .index = from.index_on_drive,
          .sources = from.threads_on_drive,
          .seed = random_seed()})
    , blocks_left_(from.options.blocks_of(from.index))
{
    start();
}

void ring_worker::work_until_end()
{
    const bench_options& options = from_.options;
    ring_.emplace(from_.queue,
        ring::options{.depth = options.depth, .submit_batch_max = options.submit_batch});
    buffer_pool buffers(from_.queue,
        {.count = options.depth * io_source::buffers_per_request(options),
            .buffer_bytes = from_.geometry.transfer_bytes,
            .fixed = options.fixed_buffers,
            .huge_pages = options.huge_pages});
    in_huge_pages_ = buffers.in_huge_pages();
    requests_ = std::vector<request>(options.depth);
    started_at_.resize(options.depth);
    prepare_clocks();
    try {
        prepare(buffers);
    } catch (...) {
        ring_->close(); // before the memory of its commands is freed
        throw;
    }
    begin();
    if (pace_)
        work_at_rate();
    else
        work_at_once();
    mark_done();
    ring_->close();
}

void ring_worker::work_at_once()
{
    // The first I/Os are sent now, so their time begins now. Until here they waited for other
    // threads.
    std::fill(started_at_.begin(), started_at_.end(), ticks());

    while (!is_stopping() && ring_->outstanding() != 0)
        ring_->wait(from_.options.complete_batch);
}

void ring_worker::prepare(const buffer_pool& buffers)
{
    on_complete_ = pace_                             ? finished_at_rate
        : work_ns_ != 0 || from_.options.blocks != 0 ? callback_of_clock<true>()
                                                     : callback_of_clock<false>();
    source_.prepare(requests_, buffers);
    for (request& r : requests_) {
        r.context = this;
        // On an emulated drive blocks that were never written read as zeros, and take the usual
        // time.
        r.on_complete = from_.device.emulated ? on_complete_ : finished_first;
        if (pace_)
            idle_.push_back(&r);
        else if (blocks_left_-- == 0)
            blocks_left_ = 0; // fewer blocks than requests
        else if (!ring_->submit(r))
            throw std::logic_error("a ring refused a request before it was full");
    }
}

void ring_worker::finished_first(request& r) noexcept
{
    auto& self = *static_cast<ring_worker*>(r.context);
    self.look_at_first(r);
    r.on_complete = self.on_complete_;
    r.on_complete(r);
}

template <tick_source Clock, bool Extra>
completion_function ring_worker::callback() const noexcept
{
    switch (source_.kind()) {
    case io_kind::random_reads: return finished<io_kind::random_reads, Clock, Extra>;
    case io_kind::sequential_reads: return finished<io_kind::sequential_reads, Clock, Extra>;
    case io_kind::any: break;
    }
    return finished<io_kind::any, Clock, Extra>;
}

template <bool Extra>
completion_function ring_worker::callback_of_clock() const noexcept
{
    switch (from_.clock) {
    case tick_source::none: return callback<tick_source::none, Extra>();
    case tick_source::tsc: return callback<tick_source::tsc, Extra>();
    case tick_source::system: break;
    }
    return callback<tick_source::system, Extra>();
}

std::uint64_t ring_worker::ticks() const noexcept
{
    return from_.clock == tick_source::tsc ? ticks_now<tick_source::tsc>()
                                           : ticks_now<tick_source::system>();
}

void ring_worker::prepare_clocks()
{
    const bench_options& options = from_.options;
    if (from_.clock != tick_source::none)
        latencies_ = make_counts();
    if (options.rate_iops == 0)
        return;
    if (from_.clock != tick_source::none)
        service_latencies_ = make_counts();
    pace_.emplace(
        options.rate_iops / options.threads, static_cast<double>(from_.index) / options.threads);
    idle_.reserve(options.depth);
    due_at_.resize(options.depth);
    // Without this the kernel may lengthen the sleeps below by 50 us.
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1));
}

void ring_worker::work_at_rate()
{
    using namespace std::chrono;
    constexpr nanoseconds kLookForStop = milliseconds(50);
    constexpr nanoseconds kWakeEarly = microseconds(60); ///< a sleep may end so late
    pace_->start(ticks_now<tick_source::system>());
    while (!is_stopping()) {
        const std::uint64_t now_ns = ticks_now<tick_source::system>();
        submit_due(now_ns);
        const clock::time_point look{nanoseconds(now_ns) + kLookForStop};
        const clock::time_point due{nanoseconds(pace_->due_ns())};
        if (ring_->outstanding() != 0)
            ring_->wait(1, idle_.empty() ? look : std::min(look, due));
        else if (const auto until = std::min(look, due) - kWakeEarly;
                 until > clock::time_point(nanoseconds(now_ns)))
            std::this_thread::sleep_until(until);
    }
}

void ring_worker::submit_due(std::uint64_t now_ns)
{
    while (!idle_.empty() && pace_->due_ns() <= now_ns) {
        request& r = *idle_.back();
        idle_.pop_back();
        started_at(r) = now_ns;
        due_at_[static_cast<std::size_t>(&r - requests_.data())] = pace_->due_ns();
        pace_->advance();
        source_.next(r);
        if (!ring_->submit(r)) {
            idle_.push_back(&r);
            return; // the ring is closing
        }
    }
}

void ring_worker::finished_at_rate(request& r) noexcept
{
    auto& self = *static_cast<ring_worker*>(r.context);
    self.idle_.push_back(&r); // has room for all
    if (!r.status.ok()) [[unlikely]] {
        self.count_error(r.status);
    } else if (self.from_.clock != tick_source::none) {
        const std::uint64_t now_ns = ticks_now<tick_source::system>();
        counts_of<io_kind::any>(self.service_latencies_, r).add(now_ns - self.started_at(r));
        counts_of<io_kind::any>(self.latencies_, r)
            .add(now_ns - self.due_at_[static_cast<std::size_t>(&r - self.requests_.data())]);
    }
    if (self.work_ns_ != 0)
        self.work();
}

// The clock is a template parameter, not a branch: without a clock the function has no code for it.
template <io_kind Kind, tick_source Clock, bool Extra>
void ring_worker::finished(request& r) noexcept
{
    auto& self = *static_cast<ring_worker*>(r.context);
    // The rare path is a tail call, so that the common path need not save registers.
    if (!r.status.ok()) [[unlikely]]
        return failed<Kind, Clock, Extra>(r);
    if constexpr (Clock != tick_source::none) {
        // The clock is read once, for the I/O that ends and for the next one that begins.
        const std::uint64_t now = ticks_now<Clock>();
        counts_of<Kind>(self.latencies_, r).add(now - std::exchange(self.started_at(r), now));
    }
    if constexpr (Extra)
        self.work_on<Clock>(r);
    self.submit_again<Kind, Extra>(r);
}

template <io_kind Kind, tick_source Clock, bool Extra>
void ring_worker::failed(request& r) noexcept
{
    auto& self = *static_cast<ring_worker*>(r.context);
    self.count_error(r.status);
    self.started_at(r) = ticks_now<Clock>();
    if constexpr (Extra)
        self.work_on<Clock>(r);
    self.submit_again<Kind, Extra>(r);
}

template <tick_source Clock>
void ring_worker::work_on(const request& r) noexcept
{
    if (work_ns_ == 0)
        return;
    work();
    started_at(r) = ticks_now<Clock>(); // the next I/O begins only now
}

template <io_kind Kind, bool Extra>
void ring_worker::submit_again(request& r) noexcept
{
    // Check it here, too, because a wait() of the loop may take long.
    if (is_stopping()) [[unlikely]]
        return;
    if constexpr (Extra)
        if (blocks_left_-- == 0) {
            blocks_left_ = 0;
            return;
        }
    source_.next<Kind>(r);
    // Tell the compiler that submit() need not check a request that just completed. This must stand
    // right before submit(): after a store in between the compiler would check again.
    if (r.status.taken != 0 || r.on_complete == nullptr)
        __builtin_unreachable();
    // Only a ring that is closing refuses. The I/O was then the last one of this request.
    static_cast<void>(ring_->submit(r));
}

} // namespace ngpoll::cli
