// SPDX-License-Identifier: MIT
#include <ngpoll/ring.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

#include <ngpoll/poll_queue.hpp>

#include "completion_batch.hpp"
#include "error.hpp"
#include "process.hpp"
#include "queue_state.hpp"
#include "this_thread.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

std::uintptr_t next_thread_number() noexcept
{
    static std::atomic<std::uintptr_t> numbers{0};
    // relaxed: the number only has to be unique. Never 0.
    return numbers.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace

/// The rings that are open on this thread. If the thread ended with an open ring, the ring would
/// never get its completions.
struct detail::open_rings {
    ring* first = nullptr;
    unsigned process = process_generation;
    const std::uintptr_t thread_number = next_thread_number();
    /// This thread is in poll() or wait() of a ring on a shared queue. A callback must not wait on
    /// another ring: that wait could be for this thread's own pass, further up the stack.
    bool in_shared_queue = false;

    /// A forked child starts with an empty list: the rings on it belong to the parent, and may be
    /// freed. The flag starts anew, too: a callback of the parent may have forked.
    void leave_parent() noexcept
    {
        if (is_inherited(process)) {
            first = nullptr;
            in_shared_queue = false;
        }
        process = process_generation;
    }
    void add(ring& opened) noexcept
    {
        leave_parent();
        opened.next_on_thread_ = first;
        if (first != nullptr)
            first->previous_on_thread_ = &opened;
        first = &opened;
    }
    void remove(ring& closed) noexcept
    {
        if (closed.next_on_thread_ != nullptr)
            closed.next_on_thread_->previous_on_thread_ = closed.previous_on_thread_;
        (closed.previous_on_thread_ == nullptr ? first
                                               : closed.previous_on_thread_->next_on_thread_)
            = closed.next_on_thread_;
    }
    ~open_rings()
    {
        leave_parent();
        while (first != nullptr)
            first->close(); // takes the ring off the list
    }
};

namespace {

thread_local detail::open_rings on_this_thread;

} // namespace

bool detail::is_in_shared_queue() noexcept { return on_this_thread.in_shared_queue; }

bool ring::is_callers() const noexcept { return caller_ == detail::this_caller(); }

inline void ring::check_caller() const noexcept
{
    if (!is_callers()) [[unlikely]]
        stop_caller();
}

[[gnu::cold, gnu::noinline]] void ring::stop_caller() const noexcept
{
    if (queue_.is_inherited())
        detail::stop(
            "a ring was used in a forked child: it belongs to the parent; open the device there "
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

ring_stats detail::pass_context::snapshot() const noexcept
{
    return {.finished_inline = finished_inline.get(),
        .finished_deferred = finished_deferred.get(),
        .passes = passes.get(),
        .empty_passes = empty_passes.get(),
        .system_calls = system_calls.get(),
        .sent = sent.get(),
        .sleeps = sleeps.get(),
        .wakes = wakes.get(),
        .takeovers = takeovers.get()};
}

std::uint32_t detail::ring_state::take_staged(request*& first, request*& last) noexcept
{
    const std::uint32_t count = staged_count();
    if (count == 0)
        return 0;
    // In locals: otherwise the compiler assumes that the stores to the requests change this ring's
    // members.
    request* const* const at = staged.get();
    const std::uint32_t mask = staged_mask;
    inbox* const owner = in;
    auto position = static_cast<std::uint32_t>(sent);
    first = last = at[position & mask];
    first->owner = owner;
#pragma GCC unroll 4
    for (std::uint32_t left = count; --left != 0;) {
        request* const next = at[++position & mask];
        next->owner = owner;
        // relaxed: the push publishes it, with the requests.
        last->next.store(next, std::memory_order_relaxed);
        last = next;
    }
    sent = accepted;
    return count;
}

ring::ring(poll_queue& queue, options requested)
    : queue_(queue.state())
    , options_(requested)
    , caller_(detail::this_caller())
{
    if (queue_.is_inherited())
        stop_caller();
    if (requested.event_fd >= 0 && !queue_.has_resident() && !queue_.is_by_interrupt())
        detail::refuse(
            "event_fd: no thread polls while an event loop waits; make the queue with role "
            "resident, or by interrupt");
    const auto place = queue_.attach(on_this_thread.thread_number, requested.depth);
    state_.depth = place.depth;
    state_.limit = place.depth;
    state_.in = place.in;
    state_.passes.number = place.number;
    state_.passes.submit_batch_max = std::max(requested.submit_batch_max, 1U);
    try {
        // attach() has refused depths too large for this rounding.
        state_.staged_mask = std::bit_ceil(place.depth) - 1;
        state_.staged = std::make_unique<request*[]>(std::size_t{state_.staged_mask} + 1);
        state_.drive = queue_.transport_for({.depth = place.depth, .event_fd = requested.event_fd});
        // Where a resident polls, no other thread enters the transport.
        if (!queue_.has_resident())
            state_.passes.seat = state_.drive->attach();
    } catch (...) {
        queue_.detach(place);
        throw;
    }
    if (state_.in != nullptr)
        state_.in->event_fd = requested.event_fd;
    queue_.bind(on_this_thread.thread_number);
    on_this_thread.add(*this);
}

ring::~ring()
{
    close();
    if (queue_.is_inherited())
        return;
    NGPOLL_ASSERT(outstanding() == 0, "a ring was destroyed with requests outstanding");
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
    detail::ring_state& me = state_;
    const std::int64_t accepted = me.accepted + static_cast<std::int64_t>(requests.size());
    NGPOLL_ASSERT(accepted <= me.limit,
        "submit_and_wait() was given more requests than the ring has room for");
    // If the requests are one batch, and the next one, they need not be staged.
    if (me.in != nullptr || me.in_callbacks || me.staged_count() != 0
        || requests.size() > me.passes.submit_batch_max)
        return submit_then_wait(requests, n);
#pragma GCC unroll 4
    for (request* const r : requests) {
        NGPOLL_ASSERT(may_take(*r), kMayNotTake);
        r->status.taken = 1;
    }
    me.sent = me.accepted = accepted;
    const std::uint32_t wanted = std::min(n, outstanding());
    if (wanted == 0) {
        if (!requests.empty())
            send(requests);
        return 0;
    }
    me.in_callbacks = true;
    std::uint32_t finished = own_polling_pass(requests, wanted, nullptr);
    if (finished < wanted) [[unlikely]]
        finished += own_passes(wanted - finished);
    me.in_callbacks = false;
    return finished;
}

// Out of line, like own_passes(): the common path of submit_and_wait() then saves no registers for
// it.
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
    // A pass inside a pass would find the completions that the outer pass still hands out.
    if (state_.in_callbacks)
        return 0;
    std::uint32_t finished = 0;
    if (state_.in == nullptr) {
        state_.in_callbacks = true;
        finished = own_pass(0, nullptr);
    } else {
        if (on_this_thread.in_shared_queue)
            return 0;
        state_.in_callbacks = on_this_thread.in_shared_queue = true;
        finished = queue_.shared()->poll(state_);
        on_this_thread.in_shared_queue = false;
    }
    state_.in_callbacks = false;
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
    if (state_.in_callbacks)
        return 0;
    const std::uint32_t wanted = std::min(n, outstanding());
    std::uint32_t finished = 0;
    if (state_.in != nullptr) {
        if (on_this_thread.in_shared_queue)
            return 0;
        state_.in_callbacks = on_this_thread.in_shared_queue = true;
        finished = queue_.shared()->wait(state_, wanted, deadline);
        on_this_thread.in_shared_queue = false;
    } else if (deadline == nullptr) {
        state_.in_callbacks = true;
        finished = own_passes(wanted);
    } else {
        state_.in_callbacks = true;
        // A polled ring does not wait in the kernel here: the kernel would poll on past the
        // deadline.
        const bool sleeps = queue_.is_by_interrupt();
        while (finished < wanted) {
            finished += own_pass(sleeps ? wanted - finished : 0, deadline);
            if (detail::native::is_over(deadline))
                break;
        }
    }
    state_.in_callbacks = false;
    return finished;
}

[[gnu::noinline]] std::uint32_t ring::own_passes(std::uint32_t wanted) noexcept
{
    // The poll loop. It ends when the drive has answered, however long that takes.
    std::uint32_t finished = 0;
    while (finished < wanted)
        finished += own_pass(wanted - finished, nullptr);
    return finished;
}

std::uint32_t ring::own_pass(std::uint32_t min_complete, const time_point* deadline) noexcept
{
    // The loop fills the depth before it waits or looks for anything. A loop that looks after each
    // batch finds that batch, and never has more than two in flight. A remainder smaller than a
    // batch waits for more requests, unless the caller waits for it: full batches cost least.
    for (std::size_t sending = 0;;) {
        const std::span<request* const> to_send = state_.take_batch();
        const std::uint32_t remaining = state_.staged_count();
        sending += to_send.size();
        if (remaining == 0 || sending >= detail::native::kPassSendMax
            || (remaining < state_.passes.submit_batch_max
                && min_complete <= outstanding() - remaining))
            return own_polling_pass(to_send, min_complete, deadline);
        send(to_send);
    }
}

std::uint32_t ring::own_polling_pass(std::span<request* const> to_send, std::uint32_t min_complete,
    const time_point* deadline) noexcept
{
    detail::pass_context& by = state_.passes;
    completion_batch batch(state_, deadline);
    const transport::pass_result did = state_.drive->pass(to_send, batch, by.seat, min_complete);
    by.count_pass({.sent = did.sent,
        .system_calls = did.system_calls,
        .found = batch.found(),
        .finished_inline = batch.found()});
    return batch.found();
}

std::span<request* const> detail::ring_state::take_batch() noexcept
{
    const auto from = static_cast<std::uint32_t>(sent) & staged_mask;
    // A batch ends where the array ends.
    const std::uint32_t count
        = std::min({staged_count(), passes.submit_batch_max, staged_mask + 1 - from});
    sent += count;
    return {staged.get() + from, count};
}

void ring::flush() noexcept
{
    check_caller();
    if (state_.in_callbacks)
        return;
    if (state_.in == nullptr) {
        while (state_.staged_count() != 0)
            send(state_.take_batch());
    } else if (!on_this_thread.in_shared_queue) {
        queue_.shared()->flush(state_);
    }
}

void ring::send(std::span<request* const> to_send) noexcept
{
    const transport::pass_result did = state_.drive->send(to_send, state_.passes.seat);
    state_.passes.system_calls.add(did.system_calls);
    state_.passes.sent.add(did.sent);
}

bool ring::arm_event(std::uint32_t n) noexcept
{
    NGPOLL_ASSERT(options_.event_fd >= 0, "arm_event() needs ring::options::event_fd");
    check_caller();
    if (state_.in_callbacks || on_this_thread.in_shared_queue)
        return false;
    // A wait for more than the outstanding requests would never end.
    const std::uint32_t wanted = std::min(std::max(n, 1U), outstanding());
    if (wanted == 0)
        return true;
    if (!queue_.is_by_interrupt())
        return queue_.shared()->arm_event(state_, wanted);
    flush();
    state_.passes.system_calls.add(1);
    return state_.drive->arm_event(state_.passes.seat);
}

void ring::close() noexcept
{
    // A forked child has nothing to wait for and nothing to give back.
    if (state_.closed || queue_.is_inherited())
        return;
    check_caller();
    NGPOLL_ASSERT(!state_.in_callbacks, "a ring cannot be closed from inside its own callbacks");
    NGPOLL_ASSERT(state_.in == nullptr || !on_this_thread.in_shared_queue,
        "a ring on a shared queue cannot be closed from inside a callback of such a ring");
    state_.closing = true;
    state_.limit -= detail::ring_state::kClosing;
    abort_staged();
    auto* const shared = queue_.shared();
    if (shared != nullptr)
        shared->begin_closing(state_);
    // One at a time: a cancelled request does not wait for those in flight.
    while (outstanding() != 0)
        wait(1);
    if (shared != nullptr)
        shared->end_closing(state_);
    if (!queue_.has_resident())
        state_.drive->detach(state_.passes.seat);
    queue_.detach({.depth = state_.depth, .in = state_.in, .number = state_.passes.number});
    on_this_thread.remove(*this);
    state_.drive.reset();
    state_.closed = true;
    state_.in_callbacks = true; // stays set: poll() and wait() must not enter any more
}

void ring::abort_staged() noexcept
{
    state_.in_callbacks = true;
    while (state_.staged_count() != 0) {
        request& r = *state_.staged[static_cast<std::uint32_t>(state_.sent++) & state_.staged_mask];
        detail::native::set_cancelled(r);
        state_.finish(r);
    }
    state_.in_callbacks = false;
}

ring_stats ring::stats() const noexcept { return state_.passes.snapshot(); }

} // namespace ngpoll
