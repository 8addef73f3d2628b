// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "sleeper.hpp"
#include "turns.hpp"

namespace ngpoll::detail {

/// The thread that has the poller's role of a shared queue for good, and how it sleeps. wake() and
/// is_asleep() may be called on any thread; one of the two loops is the thread's.
///
/// It arms, and then looks at what was queued or called for. A thread that queues or calls does so
/// first and then wakes it: both sides are seq_cst, so one of the two sees the other.
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

    /// By interrupt: sleeps on `event_fd` while commands are in flight, too. The drive's side
    /// writes to it when a completion comes.
    void run_by_interrupt(pass_context& by, const stop_flag& stop, int event_fd) noexcept
    {
        place_.event_fd = event_fd;
        turns_.polling.begin_turn(by);
        do {
            const std::uint32_t found = turns_.polling.pass(nullptr, World::kNever).all;
            turns_.polling.pay_all(); // nobody knows when the next pass is
            turns_.wakes.yield_to_woken();
            turns_.polling.nap_on_gap(found);
        } while (sleep_until_event(by, stop));
    }

    /// After what it is to look at was set with seq_cst. False: it is awake.
    bool wake() noexcept
    {
        const auto end = place_.sleep_state.count_down(1);
        if (!end.complete)
            return false;
        if (end.by_event)
            World::write_event(place_);
        else
            World::wake(place_.sleep_state.word());
        place_.sleep_state.touched();
        return true;
    }
    [[nodiscard]] bool is_asleep() const noexcept { return place_.sleep_state.missing() != 0; }

private:
    using sleep_word = sleeper<World::template atomic>;

    /// False once it has to stop.
    bool sleep_until_pushed(pass_context& by, const stop_flag& stop) noexcept
    {
        place_.sleep_state.arm(1); // any push is enough
        // seq_cst: not before the arming; pairs with the thread that stops it. A push under way is
        // no moment to sleep.
        if (turns_.polling.has_none_queued() && !stop.load(std::memory_order_seq_cst)) {
            by.sleeps.add(1);
            for (std::uint32_t value = 0; place_.sleep_state.is_armed(value);)
                World::sleep(place_.sleep_state.word(), value, World::kNever);
        }
        place_.sleep_state.disarm();
        return !stop.load(std::memory_order_relaxed); // relaxed: seen above, or the next time
    }
    bool sleep_until_event(pass_context& by, const stop_flag& stop) noexcept
    {
        place_.sleep_state.arm(1, 0, sleep_word::waits_by::event);
        // seq_cst: as in sleep_until_pushed(). The drive is armed last: it finds what came before.
        if (turns_.polling.has_none_to_send() && !stop.load(std::memory_order_seq_cst)
            && turns_.polling.arm_event()) {
            by.sleeps.add(1);
            World::wait_for_event(place_);
        }
        place_.sleep_state.disarm();
        return !stop.load(std::memory_order_relaxed); // relaxed: seen above, or the next time
    }

    turns<World>& turns_;
    typename World::wake_target place_; ///< armed by the thread, counted down by a push
};

} // namespace ngpoll::detail
