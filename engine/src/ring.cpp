// SPDX-License-Identifier: MIT
#include <ngpoll/ring.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <ctime>
#include <utility>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ngpoll/completion_batch.hpp>
#include <ngpoll/poll_queue.hpp>

#include "transport.hpp"

namespace ngpoll {

namespace {

/// How long a ring sleeps before it looks whether the one that polls has stopped: bounds the gap
/// that a holder of the role leaves when it turns to something else.
constexpr std::int64_t kSleepNs = 1'000'000;

/// Most deferred completions finished before the ring looks at the drive again.
constexpr std::uint32_t kDrainMax = 256;

/// Passes after which the role goes to another ring: the one that polls gets its own completions
/// sooner than the others, so all must have their turn.
constexpr std::uint32_t kTurnPasses = 256;

/// This thread is in poll() or wait() of a ring on a shared queue. What it would wait for in
/// another one, from a callback, may be its own pass further up the stack.
thread_local bool in_shared_queue = false;

/// Most commands one pass takes from a shared queue.
constexpr std::size_t kSharedBatchMax = 64;

/// Sleeps while `word` is `expected`; true when nobody woke it: the time ran out, or a signal came
/// (a stream of them, from a profiler, must not keep the time from ever running out).
bool futex_wait(
    std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t nanoseconds) noexcept
{
    const timespec limit{.tv_sec = 0, .tv_nsec = nanoseconds};
    return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, &limit, nullptr, 0) != 0
        && errno != EAGAIN;
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept
{
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
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
    sleeps += other.sleeps;
    takeovers += other.takeovers;
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

std::uint32_t ring::poll() noexcept
{
    NGPOLL_DEBUG_ASSERT(thread_ == std::this_thread::get_id(), "a ring belongs to one thread");
    // A pass inside a pass would find the completions that the outer one is still handing out.
    if (in_callbacks_ || (queue_.shared() && in_shared_queue))
        return 0;
    in_callbacks_ = true;
    std::uint32_t finished = 0;
    if (queue_.shared()) {
        in_shared_queue = true;
        finished = shared_poll();
        in_shared_queue = false;
    } else {
        finished = own_pass(0);
    }
    in_callbacks_ = false;
    return finished;
}

std::uint32_t ring::wait(std::uint32_t n) noexcept
{
    NGPOLL_DEBUG_ASSERT(thread_ == std::this_thread::get_id(), "a ring belongs to one thread");
    if (in_callbacks_ || (queue_.shared() && in_shared_queue))
        return 0;
    const std::uint32_t wanted = std::min(n, outstanding());
    std::uint32_t finished = 0;
    in_callbacks_ = true;
    if (queue_.shared()) {
        // relaxed, both: a hint, to those that choose an heir.
        waiting_.store(true, std::memory_order_relaxed);
        in_shared_queue = true;
        finished = shared_wait(wanted);
        in_shared_queue = false;
        waiting_.store(false, std::memory_order_relaxed);
    } else {
        // The poll loop: it ends when the drive has answered, however long that takes.
        while (finished < wanted)
            finished += own_pass(wanted - finished);
    }
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

std::uint32_t ring::shared_poll() noexcept
{
    queue_staged();
    std::uint32_t finished = drain_deferred();
    // A closing ring that claims the role goes first: between the passes of a loop of poll() it
    // would find the role free by luck only.
    if (queue_.role_claimed() || !queue_.try_become_poller(*this, poll_queue::taking::from_idle))
        return finished;
    begin_turn();
    finished += shared_pass();
    queue_.end_pass();
    queue_.lease_poller(*this);
    return finished;
}

std::uint32_t ring::shared_wait(std::uint32_t wanted) noexcept
{
    auto taking = poll_queue::taking::nobody;
    std::uint32_t finished = 0;
    // The poll loop: it ends when the drive has answered, however long that takes.
    for (;;) {
        queue_staged();
        finished += drain_deferred();
        if (finished >= wanted)
            return finished;
        if (queue_.try_become_poller(*this, taking)) {
            begin_turn();
            finished += poll_for_all(wanted - finished);
            continue;
        }
        taking
            = sleep(wanted - finished) ? poll_queue::taking::from_idle : poll_queue::taking::nobody;
    }
}

std::uint32_t ring::poll_for_all(std::uint32_t wanted) noexcept
{
    std::uint32_t finished = 0;
    for (;;) {
        finished += shared_pass();
        // Not between passes: the heir's request, just handed over, keeps its ring from closing.
        // One that is elsewhere would let the lease run out. relaxed: a hint.
        if (++turn_passes_ >= kTurnPasses && heir_ != nullptr
            && heir_->waiting_.load(std::memory_order_relaxed)) {
            hand_over(*heir_);
            return finished;
        }
        queue_.end_pass();
        finished += drain_deferred();
        queue_staged();
        if (queue_.role_claimed()) {
            queue_.step_aside();
            return finished;
        }
        if (finished >= wanted) {
            queue_.lease_poller(*this);
            return finished;
        }
    }
}

void ring::begin_turn() noexcept
{
    if (std::exchange(queue_.last_poller_, this) == this)
        return;
    turn_passes_ = 0;
    takeovers_.add(1);
}

void ring::hand_over(ring& heir) noexcept
{
    turn_passes_ = 0;
    // release: as in wake().
    heir.asleep_.store(0, std::memory_order_release);
    queue_.lease_poller(heir);
    // The heir may be gone by now: this takes its address, and touches no memory.
    futex_wake(heir.asleep_);
}

bool ring::sleep(std::uint32_t missing) noexcept
{
    // relaxed: published by the exchange.
    asleep_.store(1, std::memory_order_relaxed);
    // seq_cst: the looks below must not be moved before it; pairs with the load in defer().
    countdown_.exchange(static_cast<std::int32_t>(missing), std::memory_order_seq_cst);
    bool timed_out = false;
    // Not empty and nothing to pop is a producer between its two steps: it may have looked for a
    // sleeper already, so that is no moment to sleep either.
    if (deferred_.empty(deferred_at_) && queue_.another_polls(*this)) {
        sleeps_.add(1);
        timed_out = futex_wait(asleep_, 1, kSleepNs);
    }
    // relaxed: who still counts down what was armed wakes early at the worst.
    countdown_.store(0, std::memory_order_relaxed);
    return timed_out;
}

void ring::count_down() noexcept
{
    // acq_rel: the count-downs of one arming are ordered, and the last one wakes.
    if (countdown_.fetch_sub(1, std::memory_order_acq_rel) == 1)
        wake();
}

void ring::wake() noexcept
{
    // release: nothing but the flag goes with it; the completions are in the queue.
    asleep_.store(0, std::memory_order_release);
    futex_wake(asleep_);
}

std::uint32_t ring::shared_pass() noexcept
{
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
    return polling_pass({batch.data(), count}, 0);
}

std::uint32_t ring::polling_pass(
    std::span<request* const> to_send, std::uint32_t min_complete) noexcept
{
    completion_batch batch(*this);
    const transport::pass_result did = queue_.transport_->pass(to_send, batch, seat_, min_complete);
    const std::uint32_t finished = batch.finished_inline();
    heir_ = batch.last_deferred_to();
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
    NGPOLL_ASSERT(!queue_.shared() || !in_shared_queue,
        "a ring on a shared queue cannot be closed from inside a callback of such a ring");
    NGPOLL_ASSERT(thread_ == std::this_thread::get_id(), "close a ring on the thread that made it");
    closing_ = true;
    limit_ -= kClosing;
    abort_staged();
    while (outstanding() != 0)
        wait(outstanding());
    if (queue_.shared()) {
        if (queue_.transport_->completes_on_sender())
            drain_queue();
        leave_role();
    }
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
    queue_.claim_role(*this);
    begin_turn();
    // Holding the role, so that nothing new is sent meanwhile. The yield is a system call: what
    // this thread sent completes in its own task work.
    while (queue_.transport_->in_flight() != 0) {
        polling_pass({}, 0);
        std::this_thread::yield();
    }
    queue_.give_up_poller();
}

void ring::leave_role() noexcept
{
    // A poller that handed over this ring's last completion may still be about to look whether it
    // sleeps, or to make it its heir.
    queue_.wait_for_pass_end();
    // From here on nobody leases the role to this ring; the lease it may have ends with it.
    queue_.end_lease(*this);
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
        .takeovers = takeovers_.get()};
}

} // namespace ngpoll
