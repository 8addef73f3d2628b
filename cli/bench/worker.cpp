// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <new>
#include <random>
#include <stdexcept>

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
    std::vector<request> requests(options.depth);
    try {
        prepare(requests, buffers);
    } catch (...) {
        ring_->close(); // before the memory goes that its reads write to
        throw;
    }
    from_.ready.arrive_and_wait();

    // relaxed: nothing is read because of it.
    while (!stopping_.load(std::memory_order_relaxed))
        ring_->wait(options.complete_batch);
    ring_->close();
}

void bench_worker::prepare(std::vector<request>& requests, const buffer_pool& buffers)
{
    for (std::uint32_t i = 0; i < requests.size(); ++i) {
        request& r = requests[i];
        r.cmd = read_command(from_.device.nsid,
            from_.options.random ? next_slba<true>() : next_slba<false>(), blocks_per_io_);
        r.set_buffer(buffers.at(i));
        r.context = this;
        r.on_complete = from_.options.random ? finished<true> : finished<false>;
        if (!ring_->submit(r))
            throw std::logic_error("a ring of this depth refused its own depth");
    }
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

template <bool Random>
void bench_worker::finished(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    // The rare way out is a tail call, so that the common one saves no registers.
    if (!r.status.ok()) [[unlikely]]
        return failed<Random>(r);
    // What the compiler does not know: submit() need not look at a request that just completed.
    if (r.status.taken != 0 || r.on_complete == nullptr)
        __builtin_unreachable();
    self.read_again<Random>(r);
}

template <bool Random>
void bench_worker::failed(request& r) noexcept
{
    auto& self = *static_cast<bench_worker*>(r.context);
    self.note(r.status);
    self.read_again<Random>(r);
}

template <bool Random>
void bench_worker::read_again(request& r) noexcept
{
    // relaxed: nothing is read because of it. Here, too, for a wait() of the loop may take long.
    if (stopping_.load(std::memory_order_relaxed)) [[unlikely]]
        return;
    r.cmd.slba = next_slba<Random>();
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
