// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "protocol_step.hpp"
#include "sleeper.hpp"
#include "turns.hpp"
#include "waker.hpp"

namespace ngpoll::detail {

/// The resident: a thread that has the poller's role of a shared queue for good. This class has its
/// loops and its sleep. Any thread may call wake() and is_asleep(); the resident's thread runs one
/// of the two loops.
///
/// The resident arms, and then looks for queued requests and calls. Another thread queues or calls
/// first and then wakes it. Both sides are seq_cst, so one of the two sees the other.
template <class World>
class resident {
public:
    using pass_context = typename World::pass_context;
    using stop_flag = typename World::template atomic<bool>;

    explicit resident(turns<World>& queue) noexcept
        : turns_(queue)
    {
    }
    resident(const resident&) = delete;
    resident& operator=(const resident&) = delete;

    /// Polls until `stop`. Sleeps while there is nothing to send or to find.
    void run(pass_context& by, const stop_flag& stop) noexcept
    {
        turns_.polling.begin_turn(by);
        for (;;) {
            do {
                const std::uint32_t found = turns_.polling.pass(nullptr, World::kNever).all;
                turns_.wakes.yield_to_woken();
                turns_.polling.nap_on_gap(found);
            } while (turns_.polling.has_work());
            if (!World::skips(step::pay_before_sleep))
                turns_.polling.pay_all();
            if (!World::look_for_work(turns_.polling) && !sleep_until_pushed(by, stop))
                return;
        }
    }

    /// Polls until `stop`, by interrupt: sleeps on `event_fd` also while commands are in flight.
    /// The drive's side writes to it at a completion.
    void run_by_interrupt(pass_context& by, const stop_flag& stop, int event_fd) noexcept
    {
        World::set_event(place_, event_fd);
        turns_.polling.begin_turn(by);
        do {
            const std::uint32_t found = turns_.polling.pass(nullptr, World::kNever).all;
            turns_.polling.pay_all(); // the time of the next pass is not known
            turns_.wakes.yield_to_woken();
            turns_.polling.nap_on_gap(found);
        } while (sleep_until_event(by, stop));
    }

    /// Wakes the resident. The caller must first set with seq_cst what the resident has to look at.
    /// Returns false if the resident is awake.
    bool wake() noexcept
    {
        const auto end = place_.sleep_state.count_down(1);
        if (!end.complete)
            return false;
        waker<World>::wake_uncounted(place_, end.by_event);
        return true;
    }
    [[nodiscard]] bool is_asleep() const noexcept { return place_.sleep_state.missing() != 0; }

private:
    using sleep_word = sleeper<World::template atomic>;

    /// The result of the look after the arming.
    static bool has_nothing_to_do(bool seen) noexcept
    {
        return seen || World::skips(step::look_at_queue_after_arming);
    }
    /// Returns false once the resident has to stop.
    bool sleep_until_pushed(pass_context& by, const stop_flag& stop) noexcept
    {
        place_.sleep_state.arm(1); // one push is enough
        // seq_cst: not before the arming; pairs with the thread that stops it. A push under way is
        // no moment to sleep.
        if (has_nothing_to_do(turns_.polling.has_none_queued())
            && !stop.load(std::memory_order_seq_cst)) {
            by.sleeps.add(1);
            for (std::uint32_t value = 0; place_.sleep_state.is_armed(value);)
                World::sleep(place_.sleep_state.word(), value, World::kNever);
        }
        place_.sleep_state.disarm();
        return !stop.load(std::memory_order_relaxed); // relaxed: seen above, or at the next look
    }
    bool sleep_until_event(pass_context& by, const stop_flag& stop) noexcept
    {
        place_.sleep_state.arm(1, 0, sleep_word::waits_by::event);
        // seq_cst: as in sleep_until_pushed(). The drive is armed last: it also reports earlier
        // completions.
        if (has_nothing_to_do(turns_.polling.has_none_to_send())
            && !stop.load(std::memory_order_seq_cst) && turns_.polling.arm_event()) {
            by.sleeps.add(1);
            World::wait_for_event(place_);
        }
        place_.sleep_state.disarm();
        return !stop.load(std::memory_order_relaxed); // relaxed: seen above, or at the next look
    }

    turns<World>& turns_;
    typename World::wake_target place_; ///< the resident arms it; a push counts it down
};

} // namespace ngpoll::detail
