// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ngpoll/poller_role.hpp>

#include "sleeping_ring.hpp"

namespace ngpoll::test {

/// Steps that a mutation does wrong; see goes_wrong().
enum polling_step : step {
    kNoLookAtRole = kSleepingStepsEnd, ///< sleeps without a look at the role after arming
    kNoSuccessor, ///< who gives the role up, or ends its lease, wakes nobody
    kSuccessorLeaves, ///< who was woken to poll and leaves instead passes the wake on to nobody
    kSuccessorIsDone, ///< the same, where it leaves because it has all that it waited for
    kLeaseKept, ///< that one had been handed a lease, and leaves with it
    kHeirNotWoken, ///< the role is handed over, and the heir is asleep or about to be
    kHeirIfArmed, ///< the heir is woken if it has armed, not if its wake-up was put off
    kOwedKept, ///< who gives the role up leaves wake-ups that were put off to the next poller
    kOwedForgotten, ///< who has the role next does not know of wake-ups that were put off
    kHeirWokenFirst, ///< it is woken, should it be asleep, and handed the role then
    kPassEndsEarly, ///< before the pass's last touch of the rings that it found something for
    kNoWaitForPassEnd, ///< a ring is gone while a pass may still touch it
    kNoWaitForWakeUp, ///< a ring is gone while its wake-up is put off
    kStaysListed, ///< a ring is gone while a leaving one may look whether it sleeps
};

using role = ngpoll::poller_role<model_atomic>;

/// Time stands still: no lease is ever idle long enough to be taken.
inline std::uint64_t now_ns() { return 0; }

struct request : item {
    std::size_t owner = 0;
};

/// A ring on a shared queue, one a thread. Its memory is its own thread's once it is closed.
struct polling_ring : sleeping_ring {
    std::array<request, 2> requests;
    rl::var<int> open{1}; ///< read at each touch by others, written once it is gone
    rl::var<int> found_list{0}; ///< ring::found_, the poller's
    model_atomic<bool> to_be_woken{false}; ///< ring::found_.to_be_woken
    rl::atomic<int> waiting{0}; ///< a hint to who hands the role over

    void touched_by_another() { RL_ASSERT(open(RL_INFO) == 1); }
};

struct options {
    std::size_t rings = 2;
    std::size_t requests = 1; ///< of each ring
    bool hands_over = false; ///< who polls hands the role to an heir rather than poll on
    bool drains = false; ///< a ring that closes claims the role and polls until nothing is left
    bool puts_off = false; ///< a ring that expects another is woken a pass later
    bool stay_open = false; ///< a ring that is done leaves the role, and closes when all are
    bool leaves_early = false; ///< ring 0 leaves when it is woken, and comes back last
};

/// poll_queue and the steps of ring on a shared one, of engine/src/shared_ring.cpp and
/// engine/src/poll_queue.cpp, over the role, the queues and the sleepers as they are.
///
/// No time runs out: one that sleeps and is not woken sleeps for ever, and Relacy says so. What the
/// engine leaves to the clock (a lease whose holder is elsewhere) does not occur here: a ring that
/// has what it waited for closes.
template <options Options>
class shared_queue {
public:
    static constexpr std::size_t kRings = Options.rings;

    shared_queue()
    {
        for (std::size_t i = 0; i != kRings; ++i) {
            attached_[i] = &rings_[i];
            for (request& each : rings_[i].requests)
                each.owner = i;
        }
    }

    /// What one thread does: submits, waits for all of it, and closes.
    void use(std::size_t index)
    {
        polling_ring& me = rings_[index];
        submit(me);
        bool leaves_early = Options.leaves_early && index == 0;
        std::size_t finished = 0;
        me.waiting.store(1, rl::mo_relaxed, RL_INFO);
        if (Options.puts_off)
            finished += wait(me, 1, Options.requests - 1, false);
        finished += wait(me, Options.requests - finished, 0, leaves_early);
        me.waiting.store(0, rl::mo_relaxed, RL_INFO);
        if (leaves_early && finished != Options.requests) {
            // Back when all others are gone: it must not be the one that polls for them.
            while (closed_.load(rl::mo_relaxed, RL_INFO) != kRings - 1)
                rl::yield(1, RL_INFO);
            finished += wait(me, Options.requests - finished, 0, false);
        }
        RL_ASSERT(finished == Options.requests);
        if (Options.stay_open) {
            if (role_.end_lease(tag(me))) // which the clock would end
                wake_successor();
            done_.rmw(rl::rmw_type_t<rl::rmw_type_add>(), std::size_t{1}, rl::mo_relaxed, RL_INFO);
            while (done_.load(rl::mo_relaxed, RL_INFO) != kRings)
                rl::yield(1, RL_INFO);
        }
        close(me);
    }

    void check()
    {
        RL_ASSERT(in_flight_count_ == 0);
        submissions_.check_all_came(kRings * Options.requests);
        for (std::size_t i = 0; i != kRings; ++i) {
            RL_ASSERT(rings_[i].deferred.empty());
            RL_ASSERT(attached_[i] == nullptr);
            RL_ASSERT(rings_[i].waking.load(rl::mo_relaxed, RL_INFO) == 0);
        }
    }

private:
    using taking = role::taking;

    static role::tag tag(const polling_ring& of) { return reinterpret_cast<role::tag>(&of); }

    bool try_become_poller(const polling_ring& me, taking how)
    {
        return role_.try_take(tag(me), tag(me), how, now_ns);
    }

    /// ring::queue_staged.
    void submit(polling_ring& me)
    {
        if (Options.requests == 1)
            submissions_.push(me.requests[0], 10);
        else
            submissions_.push_chain(me.requests[0], me.requests[1], 10);
    }

    /// ring::shared_wait, with so many outstanding that are not waited for.
    std::size_t wait(
        polling_ring& me, std::size_t wanted, std::size_t surplus, bool leaves_when_woken)
    {
        std::size_t finished = 0;
        bool has_slept = false;
        for (;;) {
            finished += me.drain();
            const bool leaves = leaves_when_woken && has_slept;
            if (finished >= wanted || leaves) {
                if (has_slept)
                    pass_wake_on(me, leaves);
                return finished;
            }
            if (try_become_poller(me, taking::nobody)) {
                has_slept = false;
                finished += poll_for_all(me, wanted - finished);
                continue;
            }
            has_slept = true;
            me.sleep(
                wanted - finished,
                [&] { return goes_wrong(kNoLookAtRole) || role_.held_by_another(tag(me)); },
                surplus);
        }
    }

    /// It may have been woken to poll, and will not.
    void pass_wake_on(polling_ring& me, bool leaves)
    {
        if (goes_wrong(leaves ? kSuccessorLeaves : kSuccessorIsDone))
            return;
        if (leaves && !goes_wrong(kLeaseKept))
            role_.end_lease(tag(me)); // that it may have been handed, or whom it wakes finds it
        if (!role_.held_by_another(0))
            wake_successor();
    }

    /// ring::poll_for_all.
    std::size_t poll_for_all(polling_ring& me, std::size_t wanted)
    {
        std::size_t finished = 0;
        for (;;) {
            polling_ring* heir = nullptr;
            finished += pass(me, heir);
            if (Options.hands_over && heir != nullptr && is_there(*heir)) {
                hand_over(*heir);
                return finished;
            }
            role_.end_pass();
            if (goes_wrong(kPassEndsEarly))
                touch_found();
            finished += me.drain();
            if (role_.claimed()) {
                step_aside();
                return finished;
            }
            if (finished >= wanted) {
                role_.lease(tag(me), tag(me), now_ns());
                return finished;
            }
            rl::yield(1, RL_INFO);
        }
    }

    /// ring::shared_pass: sends what was submitted, and finds some of what is in flight done.
    std::size_t pass(polling_ring& me, polling_ring*& heir)
    {
        transport_(RL_INFO) = 1;
        while (item* const sent = submissions_.pop())
            in_flight_[in_flight_count_++] = static_cast<request*>(sent);
        found_.fill({});
        if (in_flight_count_ == 0) {
            hand_over_found();
            return 0;
        }
        const std::size_t done = 1 + rl::rand(static_cast<unsigned>(in_flight_count_));
        std::size_t finished = 0;
        for (std::size_t i = 0; i != done; ++i) {
            request& each = *in_flight_[i];
            if (&rings_[each.owner] == &me) {
                ++finished;
                continue;
            }
            heir = &rings_[each.owner];
            found& list = found_[each.owner];
            list.requests[list.count++] = &each;
        }
        in_flight_count_ -= done;
        for (std::size_t i = 0; i != in_flight_count_; ++i)
            in_flight_[i] = in_flight_[i + done];
        hand_over_found();
        return finished;
    }

    /// completion_batch::hand_over.
    void hand_over_found()
    {
        std::array<bool, kRings> to_wake = std::exchange(owed_, {});
        for (std::size_t i = 0; i != kRings; ++i) {
            const auto [requests, count] = found_[i];
            if (count == 0)
                continue;
            polling_ring& each = rings_[i];
            each.touched_by_another();
            const auto [complete, to_come] = count == 1 ? each.push(*requests[0], 20)
                                                        : each.push(*requests[0], *requests[1], 20);
            if (complete && !each.to_be_woken.load(std::memory_order_relaxed)) {
                each.to_be_woken.store(true, std::memory_order_relaxed);
                (Options.puts_off && to_come > 0 ? owed_ : to_wake)[i] = true;
            }
        }
        if (!goes_wrong(kOwedForgotten))
            wake_listed(to_wake);
        if (!goes_wrong(kPassEndsEarly))
            touch_found();
    }
    /// poll_queue::wake_listed.
    void wake_listed(const std::array<bool, kRings>& listed)
    {
        for (std::size_t i = 0; i != kRings; ++i) {
            if (!listed[i])
                continue;
            rings_[i].touched_by_another();
            rings_[i].wake();
            rings_[i].to_be_woken.store(false, std::memory_order_release);
        }
    }
    void touch_found()
    {
        for (std::size_t i = 0; i != kRings; ++i) {
            if (found_[i].count == 0)
                continue;
            rings_[i].touched_by_another();
            rings_[i].found_list(RL_INFO) = 1;
        }
    }

    static bool is_there(const polling_ring& heir)
    {
        // A lease for one that has just left is for the clock to find: not here, see above.
        return Options.leaves_early ? heir.futex.anyone_asleep()
                                    : heir.waiting.load(rl::mo_relaxed, RL_INFO) != 0;
    }

    /// ring::hand_over. The heir may be gone once it has the lease.
    void hand_over(polling_ring& heir)
    {
        if (goes_wrong(kHeirWokenFirst))
            wake_heir(heir);
        role_.lease(tag(heir), tag(heir), now_ns());
        if (!goes_wrong(kHeirNotWoken) && !goes_wrong(kHeirWokenFirst))
            wake_heir(heir);
    }
    void wake_heir(const polling_ring& heir)
    {
        attach_mutex_.lock(RL_INFO);
        for (polling_ring* const each : attached_) {
            if (each != &heir)
                continue;
            each->touched_by_another();
            if (each->sleeper_.armed() || !goes_wrong(kHeirIfArmed))
                each->wake();
        }
        attach_mutex_.unlock(RL_INFO);
    }

    void give_up_poller()
    {
        if (!goes_wrong(kOwedKept))
            wake_listed(std::exchange(owed_, {}));
        role_.give_up(now_ns());
        wake_successor();
    }

    void wake_successor()
    {
        if (goes_wrong(kNoSuccessor))
            return;
        attach_mutex_.lock(RL_INFO);
        for (polling_ring* const each : attached_) {
            if (each == nullptr)
                continue;
            each->touched_by_another();
            if (each->sleeper_.armed()) {
                each->wake();
                break;
            }
        }
        attach_mutex_.unlock(RL_INFO);
    }

    void step_aside()
    {
        give_up_poller();
        while (role_.claimed())
            rl::yield(1, RL_INFO);
    }

    /// poll_queue::claim_role and ring::drain_queue.
    void drain_queue(polling_ring& me)
    {
        role_.claim();
        while (!try_become_poller(me, taking::from_any))
            rl::yield(1, RL_INFO);
        role_.end_claim();
        for (polling_ring* heir = nullptr; in_flight_count_ != 0;)
            pass(me, heir);
        give_up_poller();
    }

    /// ring::leave_role and poll_queue::detach.
    void close(polling_ring& me)
    {
        if (Options.drains)
            drain_queue(me);
        if (!goes_wrong(kNoWaitForPassEnd)) {
            const std::uint64_t pass = role_.pass_under_way();
            while (pass != role::kNoPass && role_.pass_under_way() == pass)
                rl::yield(1, RL_INFO);
        }
        // Between what it expected and what it was told of, all may have come.
        while (me.to_be_woken.load(std::memory_order_acquire) && !goes_wrong(kNoWaitForWakeUp)) {
            if (try_become_poller(me, taking::from_idle))
                give_up_poller();
            else
                rl::yield(1, RL_INFO);
        }
        if (!role_.held_by_another(tag(me)) && try_become_poller(me, taking::nobody))
            give_up_poller();
        if (!goes_wrong(kStaysListed))
            detach(me);
        me.open(RL_INFO) = 0;
        if (goes_wrong(kStaysListed))
            detach(me);
        closed_.rmw(rl::rmw_type_t<rl::rmw_type_add>(), std::size_t{1}, rl::mo_relaxed, RL_INFO);
    }

    void detach(const polling_ring& leaving)
    {
        attach_mutex_.lock(RL_INFO);
        attached_[static_cast<std::size_t>(&leaving - rings_.data())] = nullptr;
        attach_mutex_.unlock(RL_INFO);
    }

    struct found {
        std::array<request*, 2> requests{};
        std::size_t count = 0;
    };

    std::array<polling_ring, kRings> rings_;
    rl::mutex attach_mutex_;
    std::array<polling_ring*, kRings> attached_{};
    rl::atomic<std::size_t> closed_{0};
    rl::atomic<std::size_t> done_{0};
    checked_queue submissions_;
    role role_;

    // The poller's. The variable stands for all of it: two that touch it unordered are found.
    rl::var<int> transport_{0};
    std::array<request*, kRings * 2> in_flight_{};
    std::size_t in_flight_count_ = 0;
    std::array<found, kRings> found_{};
    std::array<bool, kRings> owed_{}; ///< poll_queue::wake_late_
};

} // namespace ngpoll::test
