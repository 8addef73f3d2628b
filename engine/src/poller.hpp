// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "found_batch.hpp"
#include "group_list.hpp"
#include "inbox.hpp"
#include "protocol_step.hpp"
#include "waker.hpp"

namespace ngpoll::detail {

/// The state that only the holder of a shared queue's role touches: the submission queue's cursor,
/// the drive, found completions, and owed wake-ups. Each turn goes on where the last one ended;
/// shared_queue makes sure that one turn follows the other.
///
/// The poller sends a postponed wake-up at the end of the next pass that finds something. If the
/// next two passes find nothing, it sends the wake-up at the end of the second one.
template <class World>
class poller {
public:
    using request = typename World::request;
    using inbox = typename World::inbox;
    using wake_target = typename World::wake_target;
    using owner = typename World::owner;
    using pass_context = typename World::pass_context;
    using deadline = typename World::deadline;
    using batch = found_batch<World>;

    poller(typename World::drive& below, typename World::queue& submissions, waker<World>& wakes)
        : drive_(below)
        , submissions_(submissions)
        , waker_(wakes)
        , at_(submissions)
    {
    }
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    void begin_turn(pass_context& by) noexcept
    {
        holder_.set(by.number);
        if (std::exchange(by_, &by) != &by)
            by.takeovers.add(1);
        drive_.turn_begins();
    }
    void end_turn() noexcept
    {
        holder_.set(0);
        drive_.turn_ends();
    }

    /// Sends queued requests as far as the drive has room, makes one pass, and hands over
    /// completions. `me` is null for the resident.
    struct found {
        std::uint32_t all = 0;
        std::uint32_t finished_inline = 0;
    };
    found pass(owner* me, deadline until) noexcept
    {
        batch completions(*this, me, until);
        std::array<request*, kBatchMax> to_send;
        const std::size_t batch_max = std::min<std::size_t>(by_->submit_batch_max, kBatchMax);
        // It sends all full batches before it looks. A loop that looks after each batch finds that
        // batch, and never has more than two in flight.
        for (std::size_t room = room_at_drive();;) {
            const taken got = take_queued(to_send, std::min(batch_max, room), completions);
            room -= got.popped;
            // Never waits in the kernel: requests that other threads queue meanwhile would not be
            // sent.
            if (got.popped < batch_max || room == 0 || submissions_.empty(at_)) {
                drive_.pass({to_send.data(), got.count}, completions, *by_);
                completions.end();
                break;
            }
            drive_.send({to_send.data(), got.count}, *by_);
        }
        found_lately_ += completions.found() - found_lately_ / kLately;
        return {.all = completions.found(), .finished_inline = completions.finished_inline()};
    }

    /// Sends all queued requests, and looks for no completions. Returns false if it could pop no
    /// request.
    bool send_queued() noexcept
    {
        batch cancelled(*this, nullptr, World::kNever);
        std::array<request*, kBatchMax> to_send;
        const std::size_t batch_max = std::min<std::size_t>(by_->submit_batch_max, kBatchMax);
        bool any = false;
        for (taken got{.popped = batch_max}; got.popped == batch_max;) {
            got = take_queued(to_send, batch_max, cancelled);
            any = any || got.popped != 0;
            if (got.count != 0)
                drive_.send({to_send.data(), got.count}, *by_);
        }
        cancelled.hand_over();
        return any;
    }

    /// How many commands the next pass may send.
    [[nodiscard]] std::size_t room_at_drive() const noexcept
    {
        // Requests of a closing ring may lie behind those of other rings. relaxed: a hint.
        if (closing.load(std::memory_order_relaxed) != 0) [[unlikely]]
            return SIZE_MAX;
        // Passes that find this many completions keep the poller busy. More in flight would only
        // lie finished at the drive, and cost what World::kPassSendMax tells. If passes find fewer,
        // the drive may want more to do.
        constexpr std::uint32_t kBusyFound = 8;
        if (found_lately_ < kLately * kBusyFound)
            return World::kPassSendMax;
        const std::uint32_t in_flight = drive_.in_flight();
        return in_flight < World::kPassSendMax ? World::kPassSendMax - in_flight : 0;
    }

    [[nodiscard]] bool has_work() const noexcept
    {
        return drive_.in_flight() != 0 || !submissions_.all_popped() || groups.has_called();
    }
    /// Naps if nothing can be found at once: nothing is in flight, and queued requests cannot be
    /// popped. A thread is then between the two steps of its push. This thread may keep it from its
    /// processor.
    void nap_on_gap(std::uint32_t just_found) noexcept
    {
        if (!submissions_.all_popped())
            nap_on_push(just_found);
    }
    /// Naps like nap_on_gap(), for a caller that knows that something was submitted: a thread may
    /// be before its push.
    void nap_on_push(std::uint32_t just_found) noexcept
    {
        if (just_found != 0 || drive_.in_flight() != 0)
            return;
        pay_all();
        World::nap();
    }
    /// Whether nothing is queued, no push is under way, and no worker waits for requests that are
    /// there. The poller may then sleep if it has armed.
    [[nodiscard]] bool has_none_queued() const noexcept
    {
        return submissions_.empty(at_) && !groups.has_called() && !groups.has_ready();
    }

    /// By interrupt: whether queued requests, if any, have to wait for completions because the
    /// drive is full.
    [[nodiscard]] bool has_none_to_send() const noexcept
    {
        return (submissions_.empty(at_) || room_at_drive() == 0) && !groups.has_called()
            && !groups.has_ready();
    }
    /// By interrupt: arms the eventfd. Returns true if the next completion will write to it, and
    /// false if the caller has to make a pass.
    [[nodiscard]] bool arm_event() noexcept { return drive_.arm_event(*by_); }

    /// Pays all owed wake-ups: before the poller sleeps or releases the role.
    void pay_all() noexcept
    {
        passes_owing_ = 0;
        pay(std::exchange(owed_, nullptr));
    }

    // ---- For found_batch.

    void pay(wake_target* next) noexcept
    {
        while (next != nullptr) {
            wake_target& sleeping = *next;
            next = std::exchange(sleeping.owed.next, nullptr);
            sleeping.owed.postponed = false;
            wake(sleeping, sleeping.owed.by_event);
        }
    }
    void wake(wake_target& sleeping, bool by_event) noexcept
    {
        waker_.wake(sleeping, by_event);
        by_->wakes.add(1);
    }
    void postpone(wake_target& sleeping) noexcept
    {
        sleeping.owed.postponed = true;
        sleeping.owed.next = std::exchange(owed_, &sleeping);
    }
    /// Takes the wake-ups of earlier passes at the end of a pass, if they are due.
    [[nodiscard]] wake_target* take_due(bool found_any) noexcept
    {
        if (owed_ == nullptr)
            return nullptr;
        // Before Linux 7.0 every other pass finds nothing: completions that it polled come as task
        // work, in the next pass.
        if (!found_any && (++passes_owing_ < 2 || World::skips(step::pay_when_nothing_found)))
            return nullptr;
        passes_owing_ = 0;
        return std::exchange(owed_, nullptr);
    }

    /// Groups with found requests, or that have called.
    group_list<World> groups;

    bool uses_tag = true; ///< false: for tests, and to measure the gain of the tag
    /// Number of rings that close: their queued requests are cancelled, not sent.
    typename World::template atomic<std::uint32_t> closing{0};

    // ---- Figures, for any thread.

    [[nodiscard]] std::uint64_t holder() const noexcept { return holder_.get(); }
    [[nodiscard]] std::uint64_t popped() const noexcept { return popped_.get(); }

private:
    struct taken {
        std::size_t popped = 0;
        std::size_t count = 0; ///< without requests of rings that close
    };
    /// Most commands one batch takes from the submission queue.
    static constexpr std::size_t kBatchMax = 64;
    /// About how many passes the figure of recent completions covers.
    static constexpr std::uint32_t kLately = 64;

    taken take_queued(
        std::array<request*, kBatchMax>& into, std::size_t most, batch& cancelled) noexcept
    {
        request** end = into.data();
        taken got;
        got.popped = submissions_.pop_each(
            at_, most, [&end](auto& node) noexcept { *end++ = static_cast<request*>(&node); });
        got.count = got.popped;
        popped_.add(got.popped);
        // relaxed: a ring that begins to close now may still have some requests sent.
        if (got.popped != 0 && closing.load(std::memory_order_relaxed) != 0) [[unlikely]]
            got.count = cancel_closing(into, got.popped, cancelled);
        return got;
    }

    [[gnu::noinline]] static std::size_t cancel_closing(
        std::array<request*, kBatchMax>& among, std::size_t count, batch& cancelled) noexcept
    {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count; ++i) {
            request& r = *among[i];
            if (r.owner->closing.load(std::memory_order_relaxed)) // relaxed: as above
                cancelled.cancel(r);
            else
                among[kept++] = &r;
        }
        return kept;
    }

    typename World::drive& drive_;
    typename World::queue& submissions_;
    waker<World>& waker_;
    typename World::queue::cursor at_;
    pass_context* by_ = nullptr; ///< the holder's context, or the last holder's: then only compared
    wake_target* owed_ = nullptr; ///< rings whose wake-up was postponed
    std::uint32_t passes_owing_ = 0; ///< passes that have ended since and found nothing
    std::uint32_t found_lately_ = 0;
    typename World::figure holder_; ///< the holder's number; 0: none
    typename World::figure popped_; ///< requests so far
};

} // namespace ngpoll::detail
