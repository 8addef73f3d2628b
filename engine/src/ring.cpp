// SPDX-License-Identifier: MIT
#include <ngpoll/ring.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

#include <ngpoll/completion_batch.hpp>
#include <ngpoll/poll_queue.hpp>

#include "error.hpp"
#include "process.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

std::uintptr_t next_thread_number() noexcept
{
    static std::atomic<std::uintptr_t> numbers{0};
    // relaxed: a number that no other thread has. Even and not 0, as poller_role wants them.
    return 2 * (numbers.fetch_add(1, std::memory_order_relaxed) + 1);
}

/// The rings open on this thread. One that is left open when the thread ends would never get its
/// completions, and before Linux 7.0 would take those of others with it.
struct open_rings {
    ring* first = nullptr;
    unsigned process = detail::process_generation;
    const std::uintptr_t thread_number = next_thread_number();

    /// A forked child's list begins anew: what was on it is the parent's, and may be freed.
    void leave_parent() noexcept
    {
        if (detail::is_inherited(process))
            first = nullptr;
        process = detail::process_generation;
    }
    ~open_rings()
    {
        leave_parent();
        while (first != nullptr)
            first->close(); // which takes it off the list
    }
};
thread_local open_rings on_this_thread;

/// The calling thread, as long as it runs, in this process.
inline std::uintptr_t this_caller() noexcept
{
    std::uintptr_t thread = 0;
#if defined(__x86_64__)
    asm("mov %%fs:0, %0" : "=r"(thread)); // the psABI's thread pointer
#else
    thread = reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
#endif
    // A forked child has the thread pointers of its parent's threads.
    return thread + detail::process_generation;
}

} // namespace

thread_local bool ring::in_shared_queue = false;

bool ring::is_callers() const noexcept { return caller_ == this_caller(); }

inline void ring::check_caller() const noexcept
{
    if (!is_callers()) [[unlikely]]
        stop_caller();
}

[[gnu::cold, gnu::noinline]] void ring::stop_caller() const noexcept
{
    if (detail::is_inherited(process_))
        detail::stop("a ring was used in a forked child: it is its parent's; open the device there "
                     "anew, or start threads instead of processes");
    detail::stop("a ring was used on another thread than the one that made it: give each thread a "
                 "ring of its own");
}

ring_stats& ring_stats::operator+=(const ring_stats& other) noexcept
{
    finished_inline += other.finished_inline;
    finished_deferred += other.finished_deferred;
    passes += other.passes;
    empty_passes += other.empty_passes;
    system_calls += other.system_calls;
    sent += other.sent;
    sleeps += other.sleeps;
    wakes += other.wakes;
    takeovers += other.takeovers;
    return *this;
}

ring::ring(poll_queue& queue, options how)
    : queue_(queue)
    , options_(how)
    , process_(queue.process_)
    , shared_(queue.shared())
    , caller_(this_caller())
    , thread_tag_(on_this_thread.thread_number)
{
    options_.submit_batch_max = std::max(how.submit_batch_max, 1U);
    if (detail::is_inherited(process_))
        stop_caller();
    options_.depth = queue_.attach(*this, how.depth);
    limit_ = options_.depth;
    try {
        // attach() has refused depths that this could not round up.
        staged_mask_ = std::bit_ceil(options_.depth) - 1;
        staged_ = std::make_unique<request*[]>(std::size_t{staged_mask_} + 1);
        // Where a resident polls, nobody else enters the transport.
        if (!queue_.has_resident())
            seat_ = queue_.transport_->attach();
    } catch (...) {
        queue_.detach(*this, options_.depth);
        throw;
    }
    queue_.bind(*this);
    remember();
}

ring::ring(poll_queue& queue, for_resident)
    : queue_(queue)
    , process_(queue.process_)
    , shared_(queue.shared())
    , resident_(true)
    , caller_(this_caller())
    , thread_tag_(on_this_thread.thread_number)
{
    seat_ = queue_.transport_->attach();
    remember();
}

ring::~ring()
{
    close();
    if (detail::is_inherited(process_))
        return;
    NGPOLL_ASSERT(outstanding() == 0, "a ring was destroyed with requests outstanding");
    NGPOLL_ASSERT(deferred_.empty(deferred_at_), "a ring was destroyed with completions queued");
}

void ring::remember() noexcept
{
    // A parent's callback may have forked: its pass is not this child's.
    if (detail::is_inherited(on_this_thread.process))
        in_shared_queue = false;
    on_this_thread.leave_parent();
    next_on_thread_ = on_this_thread.first;
    if (next_on_thread_ != nullptr)
        next_on_thread_->previous_on_thread_ = this;
    on_this_thread.first = this;
}

void ring::forget() noexcept
{
    if (next_on_thread_ != nullptr)
        next_on_thread_->previous_on_thread_ = previous_on_thread_;
    (previous_on_thread_ == nullptr ? on_this_thread.first : previous_on_thread_->next_on_thread_)
        = next_on_thread_;
}

std::uint32_t ring::submit(std::span<request* const> requests) noexcept
{
    std::uint32_t taken = 0;
    for (request* const r : requests) {
        if (!submit(*r))
            break;
        ++taken;
    }
    return taken;
}

std::uint32_t ring::submit_and_wait(std::span<request* const> requests, std::uint32_t n) noexcept
{
    check_caller();
    const std::int64_t accepted = accepted_ + static_cast<std::int64_t>(requests.size());
    NGPOLL_ASSERT(
        accepted <= limit_, "submit_and_wait() was given more requests than the ring has room for");
    // Where they are one batch, and the next one, they need not be staged.
    if (shared_ || in_callbacks_ || staged() != 0 || requests.size() > options_.submit_batch_max)
        return submit_then_wait(requests, n);
#pragma GCC unroll 4
    for (request* const r : requests) {
        NGPOLL_ASSERT(may_take(*r), kMayNotTake);
        take(*r);
    }
    sent_ = accepted_ = accepted;
    const std::uint32_t wanted = std::min(n, outstanding());
    if (wanted == 0) {
        if (!requests.empty())
            send(requests);
        return 0;
    }
    in_callbacks_ = true;
    std::uint32_t finished = own_polling_pass(requests, wanted);
    if (finished < wanted) [[unlikely]]
        finished += own_passes(wanted - finished);
    in_callbacks_ = false;
    return finished;
}

// Out of line, as own_passes(): what submit_and_wait() mostly does saves no registers for it.
[[gnu::noinline]] std::uint32_t ring::submit_then_wait(
    std::span<request* const> requests, std::uint32_t n) noexcept
{
    const std::uint32_t taken = submit(requests);
    NGPOLL_ASSERT(taken == requests.size(), kMayNotTake); // there was room for all
    if (n != 0)
        return wait(n);
    flush();
    return 0;
}

std::uint32_t ring::poll() noexcept
{
    check_caller();
    // A pass inside a pass would find the completions that the outer one is still handing out.
    if (in_callbacks_ || (shared_ && in_shared_queue))
        return 0;
    in_callbacks_ = true;
    std::uint32_t finished = 0;
    if (shared_) {
        in_shared_queue = true;
        finished = shared_poll();
        in_shared_queue = false;
    } else {
        finished = own_pass(0);
    }
    in_callbacks_ = false;
    return finished;
}

std::uint32_t ring::wait(std::uint32_t n) noexcept { return waited(n, nullptr); }

std::uint32_t ring::wait(std::uint32_t n, time_point deadline) noexcept
{
    return waited(n, &deadline);
}

std::uint32_t ring::waited(std::uint32_t n, const time_point* deadline) noexcept
{
    check_caller();
    if (in_callbacks_ || (shared_ && in_shared_queue))
        return 0;
    const std::uint32_t wanted = std::min(n, outstanding());
    std::uint32_t finished = 0;
    in_callbacks_ = true;
    if (shared_) {
        // relaxed, both: a hint, to those that choose an heir.
        waiting_.store(true, std::memory_order_relaxed);
        in_shared_queue = true;
        finished = shared_wait(wanted, deadline);
        in_shared_queue = false;
        waiting_.store(false, std::memory_order_relaxed);
    } else if (deadline == nullptr) {
        finished = own_passes(wanted);
    } else {
        // Not in the kernel, which would poll on past the deadline.
        while (finished < wanted) {
            finished += own_pass(0);
            if (std::chrono::steady_clock::now() >= *deadline)
                break;
        }
    }
    in_callbacks_ = false;
    return finished;
}

[[gnu::noinline]] std::uint32_t ring::own_passes(std::uint32_t wanted) noexcept
{
    // The poll loop: it ends when the drive has answered, however long that takes.
    std::uint32_t finished = 0;
    while (finished < wanted)
        finished += own_pass(wanted - finished);
    return finished;
}

std::uint32_t ring::own_pass(std::uint32_t min_complete) noexcept
{
    // The depth is filled before anything is waited or looked for: a loop that looks after each
    // batch finds that batch, and never has more than two in flight. A rest of less than a batch
    // waits for company, unless it is waited for: full batches cost least.
    for (std::size_t sending = 0;;) {
        const std::span<request* const> to_send = take_staged();
        const std::uint32_t rest = staged();
        sending += to_send.size();
        if (rest == 0 || sending >= kPassSendMax
            || (rest < options_.submit_batch_max && min_complete <= outstanding() - rest))
            return own_polling_pass(to_send, min_complete);
        send(to_send);
    }
}

inline void ring::count_pass(
    const completion_batch& batch, std::uint32_t sent, std::uint32_t calls) noexcept
{
    passes_.add(1);
    system_calls_.add(calls);
    commands_sent_.add(sent);
    finished_inline_.add(batch.finished_inline());
    if (batch.found() == 0)
        empty_passes_.add(1);
}

std::uint32_t ring::own_polling_pass(
    std::span<request* const> to_send, std::uint32_t min_complete) noexcept
{
    completion_batch batch(*this);
    const transport::pass_result did = queue_.transport_->pass(to_send, batch, seat_, min_complete);
    count_pass(batch, did.sent, did.system_calls);
    return batch.found();
}

std::uint32_t ring::shared_polling_pass(std::span<request* const> to_send) noexcept
{
    completion_batch batch(*this);
    const transport::pass_result did = queue_.transport_->pass(to_send, batch, seat_, 0);
    queue_.found_lately_ += batch.found() - queue_.found_lately_ / poll_queue::kLately;
    wakes_.add(batch.hand_over());
    heir_ = batch.last_deferred_to();
    count_pass(batch, did.sent, did.system_calls);
    return batch.finished_inline();
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

void ring::flush() noexcept
{
    check_caller();
    if (in_callbacks_)
        return;
    if (shared_) {
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
    // A forked child has nothing to wait for or to give back.
    if (closed_ || detail::is_inherited(process_))
        return;
    check_caller();
    NGPOLL_ASSERT(!in_callbacks_, "a ring cannot be closed from inside its own callbacks");
    NGPOLL_ASSERT(!shared_ || !in_shared_queue,
        "a ring on a shared queue cannot be closed from inside a callback of such a ring");
    closing_ = true;
    limit_ -= kClosing;
    abort_staged();
    while (outstanding() != 0)
        wait(outstanding());
    if (shared_)
        leave_role();
    if (!queue_.has_resident() || resident_)
        queue_.transport_->detach(seat_);
    queue_.detach(*this, options_.depth);
    forget();
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

ring_stats ring::stats() const noexcept
{
    return {.finished_inline = finished_inline_.get(),
        .finished_deferred = finished_deferred_.get(),
        .passes = passes_.get(),
        .empty_passes = empty_passes_.get(),
        .system_calls = system_calls_.get(),
        .sent = commands_sent_.get(),
        .sleeps = sleeps_.get(),
        .wakes = wakes_.get(),
        .takeovers = takeovers_.get()};
}

} // namespace ngpoll
