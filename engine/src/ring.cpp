// SPDX-License-Identifier: MIT
#include <ngpoll/ring.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include <ngpoll/completion_batch.hpp>
#include <ngpoll/poll_queue.hpp>

#include "transport.hpp"

namespace ngpoll {

namespace {

/// Looks at the role before the processor is offered to others. Short: on one processor nothing
/// changes while we look.
constexpr unsigned kSpinsBeforeYield = 64;

/// Most deferred completions finished before the ring looks at the drive again.
constexpr std::uint32_t kDrainMax = 256;

/// Most commands one pass takes from a shared queue.
constexpr std::size_t kSharedBatchMax = 64;

void pause_processor() noexcept
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace

ring_stats& ring_stats::operator+=(const ring_stats& other) noexcept
{
    finished_inline += other.finished_inline;
    finished_deferred += other.finished_deferred;
    passes += other.passes;
    empty_passes += other.empty_passes;
    system_calls += other.system_calls;
    sent += other.sent;
    return *this;
}

ring::ring(poll_queue& queue, options how)
    : limit_(how.depth)
    , queue_(queue)
    , options_(how)
{
    options_.submit_batch_max = std::max(how.submit_batch_max, 1U);
    queue_.attach(how.depth);
    try {
        // attach() has refused depths that this could not round up.
        staged_mask_ = std::bit_ceil(how.depth) - 1;
        staged_ = std::make_unique<request*[]>(std::size_t{staged_mask_} + 1);
        seat_ = queue_.transport_->attach();
    } catch (...) {
        queue_.detach(how.depth);
        throw;
    }
}

ring::~ring()
{
    close();
    NGPOLL_ASSERT(outstanding() == 0, "a ring was destroyed with requests outstanding");
    NGPOLL_ASSERT(deferred_.empty(deferred_at_), "a ring was destroyed with completions queued");
}

std::uint32_t ring::poll() noexcept { return pass(0); }

std::uint32_t ring::wait(std::uint32_t n) noexcept
{
    if (in_callbacks_)
        return 0;
    const std::uint32_t wanted = std::min(n, outstanding());
    std::uint32_t finished = 0;
    // The poll loop: it ends when the drive has answered, however long that takes.
    for (unsigned spins = 0; finished < wanted;) {
        const std::uint32_t found = pass(wanted - finished);
        finished += found;
        if (found != 0 || !queue_.shared()) {
            spins = 0;
        } else if (++spins < kSpinsBeforeYield) {
            pause_processor();
        } else {
            // A system call on purpose: before Linux 7.0 completions of commands this thread sent
            // are task work, which runs when it next enters the kernel.
            std::this_thread::yield();
        }
    }
    return finished;
}

std::uint32_t ring::pass(std::uint32_t min_complete) noexcept
{
    NGPOLL_DEBUG_ASSERT(thread_ == std::this_thread::get_id(), "a ring belongs to one thread");
    // A pass inside a pass would find the completions that the outer one is still handing out.
    if (in_callbacks_)
        return 0;
    in_callbacks_ = true;
    const std::uint32_t finished = queue_.shared() ? shared_pass() : own_pass(min_complete);
    in_callbacks_ = false;
    return finished;
}

std::uint32_t ring::own_pass(std::uint32_t min_complete) noexcept
{
    // The depth is filled before anything is waited or looked for: a loop that looks after each
    // batch finds that batch, and never has more than two in flight. A rest of less than a batch
    // waits for company, unless it is waited for: full batches cost least.
    for (;;) {
        const std::span<request* const> to_send = take_staged();
        const std::uint32_t rest = staged();
        if (rest == 0 || (rest < options_.submit_batch_max && min_complete <= outstanding() - rest))
            return polling_pass(to_send, min_complete);
        send(to_send);
    }
}

std::uint32_t ring::shared_pass() noexcept
{
    queue_staged();
    std::uint32_t finished = drain_deferred();
    if (!queue_.try_become_poller())
        return finished;
    std::array<request*, kSharedBatchMax> batch;
    const std::size_t most = std::min<std::size_t>(options_.submit_batch_max, batch.size());
    std::size_t count = 0;
    while (count < most) {
        const auto [node, emptied] = queue_.submissions_.pop(queue_.submissions_at_);
        if (node == nullptr)
            break;
        batch[count++] = static_cast<request*>(node);
        if (emptied)
            break;
    }
    // Never waits in the kernel: what others queue meanwhile would not be sent.
    finished += polling_pass({batch.data(), count}, 0);
    queue_.give_up_poller();
    return finished;
}

std::uint32_t ring::polling_pass(
    std::span<request* const> to_send, std::uint32_t min_complete) noexcept
{
    completion_batch batch(*this);
    const transport::pass_result did = queue_.transport_->pass(to_send, batch, seat_, min_complete);
    const std::uint32_t finished = batch.finished_inline();
    passes_.add(1);
    system_calls_.add(did.system_calls);
    commands_sent_.add(did.sent);
    finished_inline_.add(finished);
    if (batch.found() == 0)
        empty_passes_.add(1);
    return finished;
}

std::span<request* const> ring::take_staged() noexcept
{
    const auto from = static_cast<std::uint32_t>(sent_) & staged_mask_;
    // A batch ends where the array does.
    const std::uint32_t count
        = std::min({staged(), options_.submit_batch_max, staged_mask_ + 1 - from});
    sent_ += count;
    return {staged_.get() + from, count};
}

std::uint32_t ring::drain_deferred() noexcept
{
    std::uint32_t finished = 0;
    while (finished < kDrainMax) {
        const auto [node, emptied] = deferred_.pop(deferred_at_);
        if (node == nullptr)
            break;
        ++finished;
        finish(static_cast<request&>(*node));
        if (emptied)
            break;
    }
    if (finished != 0)
        finished_deferred_.add(finished);
    return finished;
}

void ring::queue_staged() noexcept
{
    if (staged() == 0)
        return;
    request& first = staged_at(sent_);
    for (; sent_ + 1 < accepted_; ++sent_)
        // relaxed: published, with the requests, by the push below.
        staged_at(sent_).next.store(&staged_at(sent_ + 1), std::memory_order_relaxed);
    queue_.submissions_.push_chain(first, staged_at(sent_++));
}

void ring::flush() noexcept
{
    if (in_callbacks_)
        return;
    if (queue_.shared()) {
        queue_staged();
        return;
    }
    while (staged() != 0)
        send(take_staged());
}

void ring::send(std::span<request* const> to_send) noexcept
{
    const transport::pass_result did = queue_.transport_->send(to_send, seat_);
    system_calls_.add(did.system_calls);
    commands_sent_.add(did.sent);
}

void ring::close() noexcept
{
    if (closed_)
        return;
    NGPOLL_ASSERT(!in_callbacks_, "a ring cannot be closed from inside its own callbacks");
    NGPOLL_ASSERT(thread_ == std::this_thread::get_id(), "close a ring on the thread that made it");
    closing_ = true;
    limit_ -= kClosing;
    abort_staged();
    while (outstanding() != 0)
        wait(outstanding());
    if (queue_.shared() && queue_.transport_->completes_on_sender())
        drain_queue();
    queue_.transport_->detach(seat_);
    queue_.detach(options_.depth);
    closed_ = true;
    in_callbacks_ = true; // for good: poll() and wait() must not enter with the seat given back
}

void ring::abort_staged() noexcept
{
    in_callbacks_ = true;
    while (staged() != 0) {
        request& r = staged_at(sent_++);
        r.status = {.errno_value = ECANCELED};
        r.result = 0;
        finish(r);
    }
    in_callbacks_ = false;
}

void ring::drain_queue() noexcept
{
    while (!queue_.try_become_poller())
        std::this_thread::yield();
    // Holding the role, so that nothing new is sent meanwhile.
    while (queue_.transport_->in_flight() != 0) {
        polling_pass({}, 0);
        std::this_thread::yield();
    }
    queue_.give_up_poller();
}

ring_stats ring::stats() const noexcept
{
    return {.finished_inline = finished_inline_.get(),
        .finished_deferred = finished_deferred_.get(),
        .passes = passes_.get(),
        .empty_passes = empty_passes_.get(),
        .system_calls = system_calls_.get(),
        .sent = commands_sent_.get()};
}

} // namespace ngpoll
