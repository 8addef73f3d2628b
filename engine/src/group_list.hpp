// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "group.hpp"
#include "protocol_step.hpp"

namespace ngpoll::detail {

/// The groups that the poller serves at the end of its pass. Such a group has found or left-over
/// requests, or it has called. Any thread may use call() and has_called(); all other functions are
/// for the poller.
template <class World>
class group_list {
public:
    using request = typename World::request;
    using group = basic_group<World>;
    using fetch = basic_fetch<World>;
    using wake_target = typename World::wake_target;

    /// Asks the poller to look at the group: a fetch was withdrawn, or the group closes. The caller
    /// makes sure that a pass comes.
    void call(group& asking) noexcept
    {
        // acq_rel: the poller that removes the mark sees everything before it, and has read the
        // link before it is written anew.
        if (asking.called.exchange(true, std::memory_order_acq_rel))
            return;
        // relaxed: the compare-exchange looks again.
        asking.next_called = called_.load(std::memory_order_relaxed);
        // seq_cst: not after the look at the sleeping resident; release: publishes the link.
        // relaxed on failure: the next round looks again.
        while (!called_.compare_exchange_strong(
            asking.next_called, &asking, std::memory_order_seq_cst, std::memory_order_relaxed)) { }
    }
    [[nodiscard]] bool has_called() const noexcept
    {
        // seq_cst: the resident's look after it has armed; pairs with call().
        return called_.load(std::memory_order_seq_cst) != nullptr;
    }

    void found_for(group& its, request& first, request& last, std::uint32_t count) noexcept
    {
        its.add_found(first, last, count);
        list(its);
    }
    [[nodiscard]] bool empty() const noexcept { return to_serve_ == nullptr && !has_called(); }
    /// Whether a worker waits and its group has requests left.
    [[nodiscard]] bool has_ready() const noexcept
    {
        for (const group* each = to_serve_; each != nullptr; each = each->next_to_serve)
            if (each->pending.has_ready())
                return true;
        return false;
    }

    /// Calls `owe` for each worker to wake, and says how. `wake` wakes at once.
    template <class Owe, class Wake>
    void serve(Owe&& owe, Wake&& wake) noexcept
    {
        list_called();
        for (group* each = std::exchange(to_serve_, nullptr); each != nullptr;) {
            group* const next = each->next_to_serve;
            each->to_be_served = false;
            const bool more = each->pending.serve([&owe](fetch& filled) {
                const auto end = filled.sleep_state.count_down(1);
                if (end.complete)
                    owe(filled, end.by_event);
            });
            if (each->can_detach()) [[unlikely]]
                detach(*each, wake);
            else if (more && !World::skips(step::serve_what_is_left))
                list(*each);
            each = next;
        }
    }

private:
    void list(group& its) noexcept
    {
        if (!std::exchange(its.to_be_served, true))
            its.next_to_serve = std::exchange(to_serve_, &its);
    }
    void list_called() noexcept
    {
        // acquire: reads the links, and what each group did before it called.
        for (group* each = called_.exchange(nullptr, std::memory_order_acquire); each != nullptr;) {
            group* const next = each->next_called;
            // A call may be late: the group has ended, and its fetches look by themselves. This
            // comes first: once the mark is removed, a closed group may be opened anew.
            const bool has_ended = each->is_detached();
            // acq_rel: pairs with call(), both ways.
            each->called.exchange(false, std::memory_order_acq_rel);
            if (!has_ended) {
                each->free_withdrawn();
                list(*each);
            }
            each = next;
        }
    }
    /// The workers and the closing thread look for left-over requests by themselves.
    template <class Wake>
    [[gnu::noinline]] static void detach(group& its, Wake& wake) noexcept
    {
        wake_target& place = *its.place; // may belong to another group once this one is detached
        its.detach();
        const auto ends = [&wake](wake_target& sleeping) {
            const auto end = sleeping.sleep_state.count_down(1);
            if (end.complete)
                wake(sleeping, end.by_event);
            return false;
        };
        static_cast<void>(its.fetches.find(ends));
        ends(place);
    }

    group* to_serve_ = nullptr;
    typename World::template atomic<group*> called_{nullptr};
};

} // namespace ngpoll::detail
