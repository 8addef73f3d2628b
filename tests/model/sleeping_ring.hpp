// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <ngpoll/sleeper.hpp>

#include "checked_queue.hpp"

namespace ngpoll::test {

/// Steps that a mutation does wrong; see goes_wrong().
enum sleeping_step : step {
    kNoSecondLook = 1, ///< sleeps without a look into the queue after arming
    kLookByPop, ///< that look is a pop, which finds nothing while a producer is between its steps
    kArmsForAll, ///< arms with what the wait is for, not with what is still missing
    kCountsFirst, ///< counts down before the push
    kCountsOnce, ///< counts a chain as one
    kNobodyWoken, ///< the count-down that completes wakes nobody
    kRousedOnly, ///< changes the word and does not wake who sleeps on it
    kNoDisarm, ///< awake, and armed still
    kNoLookAtStop, ///< the resident poller sleeps without a look whether it is to stop
    kStopsUnwoken, ///< it is told to stop, and not woken
    kRousingLookedAt, ///< sees whether it was roused, and may be roused still
    kSleepingStepsEnd,
};

/// FUTEX_WAIT and FUTEX_WAKE on one word. The kernel's side of it: it outlives the word.
class model_futex {
public:
    /// Sleeps if `word` is `expected`: a look and a falling asleep that no wake comes between.
    /// Nothing but a wake ends it: when all threads sleep, Relacy says deadlock.
    void wait(const model_atomic<std::uint32_t>& word, std::uint32_t expected)
    {
        const turn alone;
        if (word.newest() != expected)
            return;
        asleep_.park_current(rl::ctx(), false, false, false, RL_INFO);
    }

    /// Orders nothing, although the kernel does: the code under test has to do without.
    void wake()
    {
        const turn alone;
        asleep_.unpark_one(rl::ctx(), RL_INFO);
    }

    /// What the model knows, and no thread of the code under test.
    [[nodiscard]] bool anyone_asleep() const { return asleep_; }

private:
    rl::waitset<static_cast<rl::thread_id_t>(kModelThreadsMax)> asleep_;
};

/// An eventfd, read by its owner alone: what was written stays until it is read.
class model_event {
public:
    void write()
    {
        const turn alone;
        written_ = true;
        waiting_.unpark_one(rl::ctx(), RL_INFO);
    }
    void read()
    {
        const turn alone;
        if (!written_)
            waiting_.park_current(rl::ctx(), false, false, false, RL_INFO);
        written_ = false;
    }

private:
    bool written_ = false;
    rl::waitset<static_cast<rl::thread_id_t>(kModelThreadsMax)> waiting_;
};

/// The part of a ring that waits: its deferred queue and its sleeper, with the steps of
/// engine/src/shared_ring.cpp and no time that runs out, so that a lost wake-up shows.
class sleeping_ring {
public:
    using sleeper = ngpoll::sleeper<model_atomic>;

    /// ring::drain_deferred.
    std::size_t drain()
    {
        std::size_t finished = std::exchange(found_by_look_, 0);
        while (deferred.pop() != nullptr)
            ++finished;
        return finished;
    }

    /// ring::shared_wait where another thread polls.
    void wait(std::size_t wanted)
    {
        for (std::size_t finished = 0;;) {
            finished += drain();
            if (finished >= wanted)
                return;
            sleep(goes_wrong(kArmsForAll) ? wanted : wanted - finished, [] { return true; });
        }
    }

    /// ring::sleep.
    template <class Condition>
    void sleep(std::size_t missing, Condition others_poll, std::size_t surplus = 0)
    {
        sleeper_.arm(static_cast<std::int32_t>(missing), static_cast<std::int32_t>(surplus));
        armed();
        if (nothing_came() && others_poll())
            futex.wait(sleeper_.word(), sleeper::asleep);
        else
            rl::yield(1, RL_INFO); // let_producer_run()
        if (!goes_wrong(kNoDisarm))
            sleeper_.disarm();
        if (was_roused())
            waking.rmw(rl::rmw_type_t<rl::rmw_type_sub>(), 1, rl::mo_relaxed, RL_INFO);
    }

    /// ring::arm_event where another thread polls. An event has to be followed by a disarm(), which
    /// is poll()'s.
    bool arm_event(std::size_t n)
    {
        sleeper_.arm(static_cast<std::int32_t>(n), 0, sleeper::awaits_event);
        armed();
        if (nothing_came())
            return true;
        sleeper_.disarm();
        return false;
    }

    /// completion_batch::hand_over, of one request, but for the wake-up that it may ask for.
    sleeper::count push(item& done, int number)
    {
        if (goes_wrong(kCountsFirst)) {
            const sleeper::count came_to = count_down(1);
            deferred.push(done, number);
            return came_to;
        }
        deferred.push(done, number);
        return count_down(1);
    }
    /// The same, of a chain of two.
    sleeper::count push(item& first, item& second, int number)
    {
        deferred.push_chain(first, second, number);
        return count_down(goes_wrong(kCountsOnce) ? 1 : 2);
    }
    /// Either, and the wake-up.
    void hand_over(item& done, int number) { wake_if(push(done, number)); }
    void hand_over(item& first, item& second, int number) { wake_if(push(first, second, number)); }

    /// ring::wake.
    void wake()
    {
        const std::uint32_t was = sleeper_.rouse();
        if (was == sleeper::awaits_event && !goes_wrong(kRousedOnly))
            event.write();
        if (was != sleeper::asleep)
            return;
        waking.rmw(rl::rmw_type_t<rl::rmw_type_add>(), 1, rl::mo_relaxed, RL_INFO);
        if (!goes_wrong(kRousedOnly))
            futex.wake();
    }

    checked_queue deferred;
    model_futex futex;
    model_event event;
    interruption* looked_on_by = nullptr; ///< told between arming and the look
    rl::atomic<int> waking{0}; ///< poll_queue::waking_, of this ring; back at 0 in the end
    sleeper sleeper_;

private:
    void armed()
    {
        if (looked_on_by != nullptr)
            looked_on_by->between_steps();
    }
    bool nothing_came()
    {
        if (goes_wrong(kNoSecondLook))
            return true;
        if (!goes_wrong(kLookByPop))
            return deferred.empty();
        found_by_look_ = deferred.pop() == nullptr ? 0 : 1;
        return found_by_look_ == 0;
    }
    bool was_roused()
    {
        if (goes_wrong(kRousingLookedAt))
            return sleeper_.word().load(std::memory_order_relaxed) == sleeper::awake;
        return sleeper_.take_rousing();
    }
    sleeper::count count_down(std::int32_t by)
    {
        const sleeper::count came_to = sleeper_.count_down(by);
        return came_to.complete && goes_wrong(kNobodyWoken) ? sleeper::count{} : came_to;
    }
    void wake_if(const sleeper::count& came_to)
    {
        if (came_to.complete)
            wake();
    }

    std::size_t found_by_look_ = 0;
};

} // namespace ngpoll::test
