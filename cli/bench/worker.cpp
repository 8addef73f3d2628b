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
    : random_(random_seed(), from.geometry.positions)
    // Threads that read in sequence start apart, evenly over the namespace.
    , sequential_(from.geometry.positions / from.options.threads * from.index)
    , positions_(from.geometry.positions)
    , blocks_per_io_(from.geometry.blocks_per_io)
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
        read_until_stopped();
        from_.ended();
    } catch (...) {
        // Set-up alone throws; the main thread reads this once `ready` is down.
        failure_ = std::current_exception();
        ring_.reset(); // here, on the thread that made it
        from_.ready.count_down();
    }
}

void bench_worker::read_until_stopped()
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
        {.count = options.depth,
            .buffer_bytes = from_.geometry.transfer_bytes,
            .fixed = options.fixed_buffers,
            .huge_pages = options.huge_pages});
    in_huge_pages_ = buffers.in_huge_pages();
    requests_ = std::vector<request>(options.depth);
    started_at_.resize(options.depth);
    if (from_.clock != tick_source::none)
        latencies_ = std::make_unique<latency_counts>();
    if (options.rate_iops != 0)
        prepare_rate();
    try {
        prepare(buffers);
    } catch (...) {
        ring_->close(); // before the memory goes that its reads write to
        throw;
    }
    from_.ready.arrive_and_wait();
    if (pace_)
        read_at_rate();
    else
        read_at_once();
    ring_->close();
}

void bench_worker::read_at_once()
{
    // The first reads are sent now; until here they waited for other threads.
    std::fill(started_at_.begin(), started_at_.end(), ticks());

    // relaxed: nothing is read because of it.
    while (!stopping_.load(std::memory_order_relaxed))
        ring_->wait(from_.options.complete_batch);
}

void bench_worker::prepare(const buffer_pool& buffers)
{
    const completion_function on_complete = from_.clock == tick_source::none
        ? callback<tick_source::none>()
        : from_.clock == tick_source::tsc ? callback<tick_source::tsc>()
                                          : callback<tick_source::system>();
    for (std::uint32_t i = 0; i < requests_.size(); ++i) {
        request& r = requests_[i];
        r.cmd = read_command(from_.device.nsid,
            from_.options.random ? next_slba<true>() : next_slba<false>(), blocks_per_io_);
        r.set_buffer(buffers.at(i));
        r.context = this;
        r.on_complete = pace_ ? finished_at_rate : on_complete;
        if (pace_)
            idle_.push_back(&r);
        else if (!ring_->submit(r))
            throw std::logic_error("a ring of this depth refused its own depth");
    }
}

template <tick_source Clock>
completion_function bench_worker::callback() const noexcept
{
    return from_.options.random ? finished<true, Clock> : finished<false, Clock>;
}

std::uint64_t bench_worker::ticks() const noexcept
{
    return from_.clock == tick_source::tsc ? ticks_now<tick_source::tsc>()
                                           : ticks_now<tick_source::system>();
}

void bench_worker::add_latencies_to(latency_set& sum, latency_set& service) const
{
    if (latencies_)
        latencies_->add_to(sum[static_cast<std::size_t>(operation::read)]);
    if (service_latencies_)
        service_latencies_->add_to(service[static_cast<std::size_t>(operation::read)]);
}

void bench_worker::prepare_rate()
{
    const bench_options& options = from_.options;
    pace_.emplace(
        options.rate_iops / options.threads, static_cast<double>(from_.index) / options.threads);
    idle_.reserve(options.depth);
    due_at_.resize(options.depth);
    if (latencies_)
        service_latencies_ = std::make_unique<latency_counts>();
    // Else the kernel lets the sleeps below be 50 us too long.
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1));
}

void bench_worker::read_at_rate()
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
        r.cmd.slba = from_.options.random ? next_slba<true>() : next_slba<false>();
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
    if (!self.latencies_)
        return;
    const std::uint64_t now_ns = ticks_now<tick_source::system>();
    self.service_latencies_->add(now_ns - self.started_at(r));
    self.latencies_->add(
        now_ns - self.due_at_[static_cast<std::size_t>(&r - self.requests_.data())]);
}

template <bool Random>
std::uint64_t bench_worker::next_slba() noexcept
{
    if constexpr (Random)
        return random_() * blocks_per_io_;
    const std::uint64_t position = sequential_;
    sequential_ = position + 1 == positions_ ? 0 : position + 1;
    return position * blocks_per_io_;
}

// A clock is a template's parameter, not a branch: without one nothing is left of it here.
template <bool Random, tick_source Clock>
void bench_worker::finished(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    // The rare way out is a tail call, so that the common one saves no registers.
    if (!r.status.ok()) [[unlikely]]
        return failed<Random, Clock>(r);
    if constexpr (Clock != tick_source::none) {
        // One look at the clock serves the read that ends and the one that begins.
        const std::uint64_t now = ticks_now<Clock>();
        self.latencies_->add(now - std::exchange(self.started_at(r), now));
    }
    self.read_again<Random>(r);
}

template <bool Random, tick_source Clock>
void bench_worker::failed(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    self.note(r.status);
    self.started_at(r) = ticks_now<Clock>();
    self.read_again<Random>(r);
}

template <bool Random>
void bench_worker::read_again(request& r) noexcept
{
    // relaxed: nothing is read because of it. Here, too, for a wait() of the loop may take long.
    if (stopping_.load(std::memory_order_relaxed)) [[unlikely]]
        return;
    r.cmd.slba = next_slba<Random>();
    // What the compiler does not know: submit() need not look at a request that just completed.
    // Said right before it: after a store the compiler would have to look again.
    if (r.status.taken != 0 || r.on_complete == nullptr)
        __builtin_unreachable();
    // Refused only by a ring that is closing: the read was then the last of this request.
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
