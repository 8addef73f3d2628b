// SPDX-License-Identifier: MIT
//
// A ring on a shared queue: who polls, who sleeps, and how completions get to their owners. The
// protocol is told in engine/README.md.
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include <linux/futex.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/completion_batch.hpp>
#include <ngpoll/poll_queue.hpp>
#include <ngpoll/ring.hpp>

#include "clock.hpp"
#include "resident_poller.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

/// How long a ring sleeps before it looks whether the one that polls has stopped: four times as
/// long as it usually sleeps, as nothing came that long, and within these bounds. Bounds the gap
/// that a holder of the role leaves when it turns to something else; looking costs a wake-up.
constexpr std::int64_t kLookAfterMinNs = 500'000;
constexpr std::int64_t kLookAfterMaxNs = 8'000'000;

/// How long a ring looks for completions before it sleeps: about what a sleep and its wake-up take.
/// Not the next times after one that was in vain, up to so many.
constexpr std::chrono::microseconds kSpin{20};
constexpr std::uint32_t kSpinsSkippedMax = 63;

/// How long the resident poller waits for new commands before it sleeps: who submits one after the
/// other is awake again by then.
constexpr std::chrono::microseconds kIdle{100};

/// Most deferred completions finished before the ring looks at the drive again.
constexpr std::uint32_t kDrainMax = 256;

/// Passes after which the role goes to another ring: the one that polls gets its own completions
/// sooner than the others, so all must have their turn.
constexpr std::uint32_t kTurnPasses = 256;

/// Passes that find nothing, one after the other, before a poller that may need another thread to
/// run lets it.
constexpr std::uint32_t kPassesInVain = 1024;

/// A ring that has what it waits for, and expects so many more, is woken a pass later: more is
/// likely to have come by then, and a wake-up costs as much as three commands. Its other commands
/// keep it from closing meanwhile.
constexpr std::int32_t kWorthPuttingOff = 16;

/// Most commands one batch takes from the submission queue.
constexpr std::size_t kBatchMax = 64;

/// Sleeps while `word` is `expected`; true when nobody woke it: the time ran out, or a signal came
/// (a stream of them, from a profiler, must not keep the time from ever running out).
bool futex_wait(
    std::atomic<std::uint32_t>& word, std::uint32_t expected, const timespec* limit) noexcept
{
    return ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, limit, nullptr, 0) != 0
        && errno != EAGAIN;
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept
{
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

/// Looks for up to `time` for what `seen` tells, without leaving the processor.
template <class Seen>
bool look_for(std::chrono::nanoseconds time, Seen seen) noexcept
{
    const auto until = std::chrono::steady_clock::now() + time;
    do {
        for (int look = 0; look < 16; ++look) {
            if (seen())
                return true;
            detail::relax();
        }
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

bool is_over(const std::chrono::steady_clock::time_point* deadline) noexcept
{
    return deadline != nullptr && std::chrono::steady_clock::now() >= *deadline;
}

} // namespace

std::uint32_t ring::shared_poll() noexcept
{
    sleeper_.disarm(); // of arm_event()
    queue_staged();
    std::uint32_t finished = drain_deferred();
    // A closing ring that claims the role goes first: between the passes of a loop of poll() it
    // would find the role free by luck only.
    if (queue_.role_.claimed() || !queue_.try_become_poller(*this, poll_queue::taking::from_idle))
        return finished;
    begin_turn();
    finished += shared_pass();
    finished += finish_if_must_poll();
    queue_.role_.end_pass();
    queue_.end_polling(*this);
    return finished;
}

std::uint32_t ring::shared_wait(std::uint32_t wanted, const time_point* deadline) noexcept
{
    auto taking = poll_queue::taking::nobody;
    std::uint32_t finished = 0;
    unsigned fruitless = 0;
    bool has_slept = false; // since it last had the role
    // The poll loop: it ends when the drive has answered, however long that takes.
    for (;;) {
        queue_staged();
        const std::uint32_t drained = drain_deferred();
        finished += drained;
        if (finished >= wanted || is_over(deadline)) {
            // Perhaps it was woken to be the next poller, or made it: then another one has to be.
            if (has_slept && !queue_.has_resident())
                pass_role_on(finished >= wanted);
            return finished;
        }
        if (queue_.try_become_poller(*this, taking)) {
            has_slept = false;
            begin_turn();
            finished += poll_for_all(wanted - finished, deadline);
            continue;
        }
        // It looked, and somebody polls: no need to look so soon the next time.
        if (taking == poll_queue::taking::from_idle)
            usual_sleep_ns_ = std::clamp(2 * usual_sleep_ns_, kLookAfterMinNs / 4, kLookAfterMaxNs);
        if (comes_soon(deadline))
            continue;
        has_slept = true;
        const slept how = sleep(wanted - finished, deadline);
        taking
            = how == slept::for_long ? poll_queue::taking::from_idle : poll_queue::taking::nobody;
        fruitless = drained == 0 && how == slept::not_at_all ? fruitless + 1 : 0;
        if (fruitless > 2)
            detail::nap();
    }
}

bool ring::comes_soon(const time_point* deadline) noexcept
{
    if (spins_to_skip_ != 0) {
        --spins_to_skip_;
        return false;
    }
    std::chrono::nanoseconds time = kSpin;
    if (deadline != nullptr)
        time = std::min(time, *deadline - std::chrono::steady_clock::now());
    if (look_for(time, [this] { return !deferred_.empty(deferred_at_); })) {
        spins_in_vain_ = 0;
        return true;
    }
    spins_in_vain_ = std::min(2 * spins_in_vain_ + 1, kSpinsSkippedMax);
    spins_to_skip_ = spins_in_vain_;
    return false;
}

void ring::pass_role_on(bool comes_back) noexcept
{
    // Who has what it waited for is back soon, as a holder that leaves with a lease is.
    if (!comes_back)
        static_cast<void>(queue_.role_.end_lease(tag()));
    if (!queue_.role_.held_by_another(0)) // 0: the role is nobody's
        wakes_.add(queue_.wake_successor());
}

std::uint32_t ring::poll_for_all(std::uint32_t wanted, const time_point* deadline) noexcept
{
    std::uint32_t finished = 0;
    const bool may_need_others = queue_.transport_->duty() == sender_duty::stay;
    std::uint32_t in_vain = 0;
    for (std::uint64_t empty = empty_passes_.get();;) {
        finished += shared_pass();
        // What was found may wait, as task work, for the thread that sent it: one that this one,
        // if it is a real-time thread, keeps from its processor.
        in_vain = empty_passes_.get() == empty ? 0 : in_vain + 1;
        empty = empty_passes_.get();
        if (may_need_others && in_vain % kPassesInVain == kPassesInVain - 1)
            detail::nap();
        // Not between passes: the heir's request, just handed over, keeps its ring from closing.
        // One that is elsewhere would let the lease run out. relaxed: a hint.
        if (++turn_passes_ >= kTurnPasses && heir_ != nullptr
            && heir_->waiting_.load(std::memory_order_relaxed)) {
            ring& heir = *heir_;
            finished += finish_if_must_poll();
            hand_over(heir);
            return finished;
        }
        queue_.role_.end_pass();
        yield_to_woken();
        finished += drain_deferred();
        queue_staged();
        if (queue_.role_.claimed()) {
            finished += finish_if_must_poll();
            wakes_.add(queue_.step_aside());
            return finished;
        }
        if (finished >= wanted || is_over(deadline)) {
            finished += finish_if_must_poll();
            queue_.end_polling(*this);
            return finished;
        }
    }
}

void ring::yield_to_woken() const noexcept
{
    // One that was woken and has not run yet may be waiting for this processor, to the end of
    // this thread's time slice, milliseconds. Not for its sake alone: what it submits then is
    // what is polled for next. relaxed: a hint.
    if (queue_.waking_.load(std::memory_order_relaxed) > 0)
        ::sched_yield();
}

void ring::reside(const std::atomic<bool>& stop) noexcept
{
    do {
        const bool taken = queue_.try_become_poller(*this, poll_queue::taking::nobody);
        NGPOLL_ASSERT(taken, "another ring has the role of the resident poller");
        begin_turn();
        do {
            shared_pass();
            queue_.role_.end_pass();
            yield_to_woken();
        } while (queue_.has_work() || look_for(kIdle, [this] { return queue_.has_work(); }));
        wakes_.add(poll_queue::wake_listed(std::exchange(queue_.wake_late_, nullptr)));
        // Not in a pass: rings that close wait for the end of one.
        queue_.lease_poller(*this);
    } while (rest(stop));
}

bool ring::rest(const std::atomic<bool>& stop) noexcept
{
    // Any push is enough. Not empty and nothing to pop is a push under way, and no moment to sleep.
    sleeper_.arm(1);
    // seq_cst: not before the arming; pairs with ~resident_poller().
    if (queue_.submissions_.empty(queue_.submissions_at_)
        && !stop.load(std::memory_order_seq_cst)) {
        sleeps_.add(1);
        futex_wait(sleeper_.word(), sleeper<>::asleep, nullptr);
    }
    end_sleep();
    return !stop.load(std::memory_order_relaxed); // relaxed: seen above, or seen the next time
}

bool ring::wake_if_armed() noexcept { return sleeper_.count_down(1).complete && wake(); }

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
    queue_.lease_poller(heir);
    wakes_.add(queue_.wake_heir(heir));
}

ring::slept ring::sleep(std::uint32_t missing, const time_point* deadline) noexcept
{
    slept how = slept::not_at_all;
    sleeper_.arm(
        static_cast<std::int32_t>(missing), static_cast<std::int32_t>(outstanding() - missing));
    // Not empty and nothing to pop is a producer between its two steps: it may have looked for a
    // sleeper already, so that is no moment to sleep either.
    if (deferred_.empty(deferred_at_) && queue_.role_.held_by_another(tag())) {
        const auto since = static_cast<std::int64_t>(detail::now_ns());
        std::int64_t ns = std::clamp(4 * usual_sleep_ns_, kLookAfterMinNs, kLookAfterMaxNs);
        if (deadline != nullptr)
            ns = std::clamp<std::int64_t>(
                (*deadline - std::chrono::steady_clock::now()).count(), 1, ns);
        sleeps_.add(1);
        const timespec limit{.tv_sec = 0, .tv_nsec = ns};
        // A resident poller is never elsewhere: nothing to look up for.
        const bool looks_up = deadline != nullptr || !queue_.has_resident();
        if (futex_wait(sleeper_.word(), sleeper<>::asleep, looks_up ? &limit : nullptr)) {
            how = slept::for_long;
        } else {
            how = slept::until_woken;
            const std::int64_t took = static_cast<std::int64_t>(detail::now_ns()) - since;
            usual_sleep_ns_ += (took - usual_sleep_ns_) / 8;
        }
    }
    end_sleep();
    return how;
}

void ring::end_sleep() noexcept
{
    sleeper_.disarm();
    if (sleeper_.take_rousing())
        queue_.waking_.fetch_sub(1, std::memory_order_relaxed); // relaxed: a hint
}

bool ring::arm_event(std::uint32_t n) noexcept
{
    NGPOLL_ASSERT(options_.event_fd >= 0, "arm_event() needs ring::options::event_fd");
    if (!is_callers())
        stop_caller();
    if (in_callbacks_ || !shared_)
        return false;
    queue_staged();
    // More than are outstanding would never come.
    const std::uint32_t wanted = std::clamp(n, 1U, std::max(outstanding(), 1U));
    sleeper_.arm(static_cast<std::int32_t>(wanted), 0, sleeper<>::awaits_event);
    if (deferred_.empty(deferred_at_) && queue_.role_.held_by_another(tag()))
        return true;
    sleeper_.disarm();
    return false;
}

bool ring::wake() noexcept
{
    switch (sleeper_.rouse()) {
    case sleeper<>::asleep:
        queue_.waking_.fetch_add(1, std::memory_order_relaxed); // relaxed: a hint
        futex_wake(sleeper_.word());
        return true;
    case sleeper<>::awaits_event:
        // Full (EAGAIN) is as good as written: the event loop has not read it yet.
        static_cast<void>(::eventfd_write(options_.event_fd, 1));
        return true;
    default: return false; // woken already
    }
}

std::uint32_t completion_batch::hand_over() noexcept
{
    // Those put off by the last pass, whatever this one found for them. Before Linux 7.0 every
    // other pass finds nothing: what it polled comes as task work, in the next one.
    poll_queue& queue = poll_ctx_->queue_;
    if (found_ == 0 && !std::exchange(queue.found_nothing_, true))
        return 0;
    queue.found_nothing_ = false;
    ring* to_wake = std::exchange(queue.wake_late_, nullptr);
    for (ring* each = first_; each != nullptr;) {
        ring::found_list& list = each->found_;
        ring* const next = list.next_ring;
        each->deferred_.push_chain(*list.first, *list.last);
        const auto [complete, to_come] = each->sleeper_.count_down(std::exchange(list.count, 0));
        // One that was put off, looked up by itself and armed anew may be listed already.
        // relaxed, both: the poller's, but for the end; see wake_listed().
        if (complete && !list.to_be_woken.load(std::memory_order_relaxed)) {
            list.to_be_woken.store(true, std::memory_order_relaxed);
            list.next_to_wake
                = std::exchange(to_come < kWorthPuttingOff ? to_wake : queue.wake_late_, each);
        }
        each = next;
    }
    first_ = nullptr;
    // After all pushes: where processors are few, one that wakes may take this thread's.
    return queue.wake_listed(to_wake);
}

std::uint32_t ring::shared_pass() noexcept
{
    std::array<request*, kBatchMax> batch;
    const std::size_t batch_max = std::min<std::size_t>(options_.submit_batch_max, batch.size());
    // All full batches are sent before it looks, as in own_pass().
    for (std::size_t room = queue_.room_at_drive();;) {
        request** end = batch.data();
        const std::size_t count
            = queue_.submissions_.pop_each(queue_.submissions_at_, std::min(batch_max, room),
                [&end](mpsc_node<>& node) noexcept { *end++ = static_cast<request*>(&node); });
        room -= count;
        // Never waits in the kernel: what others queue meanwhile would not be sent.
        if (count < batch_max || room == 0 || queue_.submissions_.empty(queue_.submissions_at_))
            return shared_polling_pass({batch.data(), count});
        send({batch.data(), count});
    }
}

std::uint32_t ring::drain_deferred() noexcept
{
    const std::size_t finished
        = deferred_.pop_each(deferred_at_, kDrainMax, [this](mpsc_node<>& node) noexcept {
              auto& r = static_cast<request&>(node);
              r.status.taken = 0; // set by completion_batch::defer()
              finish(r);
          });
    if (finished != 0)
        finished_deferred_.add(finished);
    return static_cast<std::uint32_t>(finished);
}

void ring::queue_staged() noexcept
{
    std::uint32_t left = staged();
    if (left == 0)
        return;
    request* const first = &staged_at(sent_);
    request* last = first;
    // In locals: the stores to the requests might else be to this ring's members.
    request* const* const at = staged_.get();
    const std::uint32_t mask = staged_mask_;
    for (auto position = static_cast<std::uint32_t>(sent_) + 1; --left != 0; ++position) {
        request* const next = at[position & mask];
        // relaxed: published, with the requests, by the push below.
        last->next.store(next, std::memory_order_relaxed);
        last = next;
    }
    sent_ = accepted_;
    queue_.submissions_.push_chain(*first, *last);
    if (queue_.resident_ && queue_.resident_->submitted())
        wakes_.add(1);
}

void ring::drain_queue() noexcept
{
    queue_.claim_role(*this);
    begin_turn();
    // Holding the role, so that nothing new is sent meanwhile.
    finish_in_flight();
    wakes_.add(queue_.give_up_poller());
}

std::uint32_t ring::finish_in_flight() noexcept
{
    std::uint32_t finished = 0;
    for (std::uint32_t before = queue_.transport_->in_flight(); before != 0;) {
        finished += shared_polling_pass({});
        const std::uint32_t left = queue_.transport_->in_flight();
        // What is missing may be task work of another thread, which a real-time one must let run.
        if (left == before)
            detail::nap();
        before = left;
    }
    return finished;
}

std::uint32_t ring::finish_if_must_poll() noexcept
{
    return queue_.transport_->duty() == sender_duty::poll ? finish_in_flight() : 0;
}

void ring::leave_role() noexcept
{
    sleeper_.disarm(); // of arm_event()
    if (queue_.transport_->duty() != sender_duty::none && !queue_.has_resident())
        drain_queue();
    // A poller that handed over this ring's last completion may still be about to look whether it
    // sleeps, or to make it its heir.
    queue_.wait_for_pass_end();
    // Its wake-up may be put off still: what it expected besides may have been found before it
    // said so. acquire: see wake_listed(). The poller pays, or, once it has turned to something
    // else, who takes the role from it.
    while (found_.to_be_woken.load(std::memory_order_acquire)) {
        if (queue_.try_become_poller(*this, poll_queue::taking::from_idle))
            wakes_.add(queue_.give_up_poller());
        else
            detail::nap();
    }
    // From here on nobody leases the role to this ring; the lease it may have ends with it.
    if (!queue_.role_.held_by_another(tag())
        && queue_.try_become_poller(*this, poll_queue::taking::nobody))
        wakes_.add(queue_.give_up_poller());
    // Perhaps an event that arm_event() asked for was this ring's call to poll.
    if (!queue_.role_.held_by_another(0))
        wakes_.add(queue_.wake_successor());
}

} // namespace ngpoll
