// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <new>
#include <random>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

/// At most so many kinds of errors are told apart. Errors of further kinds count with the last one.
constexpr std::size_t kErrorKindsMax = 64;
constexpr std::size_t kThreadStartBytes = 4096;

} // namespace

std::uint64_t random_seed()
{
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

bench_worker::bench_worker(const setting& from)
    : work_ns_(from.options.work_ns_of(from.index))
    , from_(from)
{
}

void bench_worker::start()
{
    thread_ = std::thread([this] { run(); });
}

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
        // The first ring of a thread makes the C library allocate a few bytes, and the library
        // aborts when it cannot. This line throws instead, and leaves the room for those bytes. A
        // new-expression would not do: the compiler may remove it if its memory is not used.
        ::operator delete(::operator new(kThreadStartBytes));
        if (!from_.cpus.empty())
            pin_this_thread(from_.cpus); // before memory is touched, so that the memory is near
        errors_.reserve(kErrorKindsMax); // count_error() must not allocate
        work_until_end();
        from_.ended();
    } catch (...) {
        // Only set-up throws. The main thread reads failure_ when `ready` is at zero.
        failure_ = std::current_exception();
        give_up();
        from_.ready.count_down();
    }
}

void bench_worker::begin()
{
    from_.ready.arrive_and_wait();
    began_at_ = done_at_ = clock::now();
}

bench_worker::counts_by_operation bench_worker::make_counts() const
{
    const access_pattern pattern = from_.options.pattern();
    counts_by_operation counts;
    if (pattern.reads)
        counts[static_cast<std::size_t>(operation::read)] = std::make_unique<latency_counts>();
    if (pattern.changes)
        counts[static_cast<std::size_t>(*pattern.changes)] = std::make_unique<latency_counts>();
    return counts;
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

void bench_worker::look_at_first(const request& r) noexcept
{
    constexpr std::size_t kLookedAt = 4096; // bytes of a longer read, so that this is quick
    if (!r.status.ok() || r.cmd.opcode != opcode::read)
        return;
    const auto* const data = reinterpret_cast<const std::byte*>(r.cmd.data);
    const std::size_t bytes = std::min<std::size_t>(r.cmd.data_bytes, kLookedAt);
    ++first_.all;
    first_.zeros
        += std::all_of(data, data + bytes, [](std::byte b) { return b == std::byte{0}; }) ? 1 : 0;
}

void bench_worker::work() const noexcept
{
    const std::uint64_t end_ns = ticks_now<tick_source::system>() + work_ns_;
    while (ticks_now<tick_source::system>() < end_ns) { }
}

void bench_worker::count_error(status outcome) noexcept
{
    if (outcome.errno_value == ECANCELED)
        return; // the run was over, and the command never reached the drive
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
