// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <new>
#include <random>
#include <stdexcept>
#include <utility>

#include <sys/prctl.h>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

/// Kinds of errors told apart; the rest are counted with the last.
constexpr std::size_t kErrorKindsMax = 64;
constexpr std::size_t kThreadStartBytes = 4096;

std::uint64_t random_seed()
{
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

} // namespace

bench_worker::bench_worker(const setting& from)
    : source_({.device = from.device,
        .options = from.options,
        .geometry = from.geometry,
        .index = from.index_on_drive,
        .sources = from.threads_on_drive,
        .seed = random_seed()})
    , from_(from)
    , thread_([this] { run(); })
{
}

bench_worker::~bench_worker() { join(); }

void bench_worker::join()
{
    if (thread_.joinable())
        thread_.join();
}

void bench_worker::run() noexcept
{
    from_.all_made.wait();
    if (from_.given_up.load(std::memory_order_relaxed)) // relaxed: the latch orders it
        return;
    try {
        work_until_stopped();
        from_.ended();
    } catch (...) {
        // Set-up alone throws; the main thread reads this once `ready` is down.
        failure_ = std::current_exception();
        ring_.reset(); // here, on the thread that made it
        from_.ready.count_down();
    }
}

void bench_worker::work_until_stopped()
{
    const bench_options& options = from_.options;
    // The first ring of a thread makes the C library allocate a few bytes, and it aborts when it
    // cannot. This throws instead, and leaves the room for them. A new-expression would not do: the
    // compiler may drop one whose memory is not used.
    ::operator delete(::operator new(kThreadStartBytes));
    if (!from_.cpus.empty())
        pin_this_thread(from_.cpus); // before memory is touched, so that it is near
    errors_.reserve(kErrorKindsMax); // note() must not allocate
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
        ring_->close(); // before the memory goes that its commands use
        throw;
    }
    from_.ready.arrive_and_wait();
    if (pace_)
        work_at_rate();
    else
        work_at_once();
    ring_->close();
}

void bench_worker::work_at_once()
{
    // The first I/Os are sent now; until here they waited for other threads.
    std::fill(started_at_.begin(), started_at_.end(), ticks());

    // relaxed: nothing is read because of it.
    while (!stopping_.load(std::memory_order_relaxed))
        ring_->wait(from_.options.complete_batch);
}

void bench_worker::prepare(const buffer_pool& buffers)
{
    on_complete_ = pace_                   ? finished_at_rate
        : from_.clock == tick_source::none ? callback<tick_source::none>()
        : from_.clock == tick_source::tsc  ? callback<tick_source::tsc>()
                                           : callback<tick_source::system>();
    source_.prepare(requests_, buffers);
    for (request& r : requests_) {
        r.context = this;
        // An emulated drive's blocks that were never written read as zeros, and take as long.
        r.on_complete = from_.device.emulated ? on_complete_ : finished_first;
        if (pace_)
            idle_.push_back(&r);
        else if (!ring_->submit(r))
            throw std::logic_error("a ring of this depth refused its own depth");
    }
}

void bench_worker::finished_first(request& r) noexcept
{
    constexpr std::size_t kLookedAt = 4096; // of longer ones, to hold nothing up
    auto& self = *static_cast<bench_worker*>(r.context);
    if (r.status.ok() && r.cmd.opcode == opcode::read) {
        const auto* const data = reinterpret_cast<const std::byte*>(r.cmd.data);
        const std::size_t bytes = std::min<std::size_t>(r.cmd.data_bytes, kLookedAt);
        ++self.first_.all;
        self.first_.zeros
            += std::all_of(data, data + bytes, [](std::byte b) { return b == std::byte{0}; }) ? 1
                                                                                              : 0;
    }
    r.on_complete = self.on_complete_;
    r.on_complete(r);
}

template <tick_source Clock>
completion_function bench_worker::callback() const noexcept
{
    switch (source_.kind()) {
    case io_kind::random_reads: return finished<io_kind::random_reads, Clock>;
    case io_kind::sequential_reads: return finished<io_kind::sequential_reads, Clock>;
    case io_kind::any: break;
    }
    return finished<io_kind::any, Clock>;
}

std::uint64_t bench_worker::ticks() const noexcept
{
    return from_.clock == tick_source::tsc ? ticks_now<tick_source::tsc>()
                                           : ticks_now<tick_source::system>();
}

void bench_worker::add_latencies_to(latency_set& sum, latency_set& service) const
{
    for (std::size_t i = 0; i < kOperations; ++i) {
        if (latencies_[i])
            latencies_[i]->add_to(sum[i]);
        if (service_latencies_[i])
            service_latencies_[i]->add_to(service[i]);
    }
}

void bench_worker::prepare_clocks()
{
    const bench_options& options = from_.options;
    const access_pattern pattern = options.pattern();
    const auto make = [&](counts_by_operation& counts) {
        if (pattern.reads)
            counts[static_cast<std::size_t>(operation::read)] = std::make_unique<latency_counts>();
        if (pattern.changes)
            counts[static_cast<std::size_t>(*pattern.changes)] = std::make_unique<latency_counts>();
    };
    if (from_.clock != tick_source::none)
        make(latencies_);
    if (options.rate_iops == 0)
        return;
    if (from_.clock != tick_source::none)
        make(service_latencies_);
    pace_.emplace(
        options.rate_iops / options.threads, static_cast<double>(from_.index) / options.threads);
    idle_.reserve(options.depth);
    due_at_.resize(options.depth);
    // Else the kernel lets the sleeps below be 50 us too long.
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1));
}

void bench_worker::work_at_rate()
{
    using namespace std::chrono;
    using clock = steady_clock;
    constexpr nanoseconds kLookForStop = milliseconds(50);
    constexpr nanoseconds kWakeEarly = microseconds(60); ///< what a sleep takes to end
    pace_->start(ticks_now<tick_source::system>());
    // relaxed: nothing is read because of it.
    while (!stopping_.load(std::memory_order_relaxed)) {
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

void bench_worker::submit_due(std::uint64_t now_ns)
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

void bench_worker::finished_at_rate(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    self.idle_.push_back(&r); // has room for all
    if (!r.status.ok()) [[unlikely]]
        return self.note(r.status);
    if (self.from_.clock == tick_source::none)
        return;
    const std::uint64_t now_ns = ticks_now<tick_source::system>();
    self.counts_of<io_kind::any>(self.service_latencies_, r).add(now_ns - self.started_at(r));
    self.counts_of<io_kind::any>(self.latencies_, r)
        .add(now_ns - self.due_at_[static_cast<std::size_t>(&r - self.requests_.data())]);
}

// A clock is a template's parameter, not a branch: without one nothing is left of it here.
template <io_kind Kind, tick_source Clock>
void bench_worker::finished(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    // The rare way out is a tail call, so that the common one saves no registers.
    if (!r.status.ok()) [[unlikely]]
        return failed<Kind, Clock>(r);
    if constexpr (Clock != tick_source::none) {
        // One look at the clock serves the I/O that ends and the one that begins.
        const std::uint64_t now = ticks_now<Clock>();
        self.counts_of<Kind>(self.latencies_, r).add(now - std::exchange(self.started_at(r), now));
    }
    self.submit_again<Kind>(r);
}

template <io_kind Kind, tick_source Clock>
void bench_worker::failed(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    self.note(r.status);
    self.started_at(r) = ticks_now<Clock>();
    self.submit_again<Kind>(r);
}

template <io_kind Kind>
void bench_worker::submit_again(request& r) noexcept
{
    // relaxed: nothing is read because of it. Here, too, for a wait() of the loop may take long.
    if (stopping_.load(std::memory_order_relaxed)) [[unlikely]]
        return;
    source_.next<Kind>(r);
    // What the compiler does not know: submit() need not look at a request that just completed.
    // Said right before it: after a store the compiler would have to look again.
    if (r.status.taken != 0 || r.on_complete == nullptr)
        __builtin_unreachable();
    // Refused only by a ring that is closing: the I/O was then the last of this request.
    static_cast<void>(ring_->submit(r));
}

void bench_worker::note(status outcome) noexcept
{
    if (outcome.errno_value == ECANCELED)
        return; // never reached the drive: the run was over
    // relaxed: a statistic with one writer.
    error_total_.store(error_total() + 1, std::memory_order_relaxed);
    auto kind = std::find_if(
        errors_.begin(), errors_.end(), [&](const error_count& e) { return e.status == outcome; });
    if (kind == errors_.end()) {
        if (errors_.size() == kErrorKindsMax)
            --kind;
        else
            kind = errors_.insert(kind, {.status = outcome});
    }
    ++kind->count;
}

} // namespace ngpoll::cli
