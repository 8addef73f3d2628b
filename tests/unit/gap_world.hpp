// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>

#include <ngpoll/mpsc_queue.hpp>

#include "clock.hpp"
#include "native.hpp"
#include "shared_queue.hpp"

/// The shared queue's protocol with the engine's own threads, clock and futexes. Two things differ:
/// a test can stop a thread between the two steps of a push, and the drive is a list.
namespace ngpoll::test {

/// The calling thread runs this between the two steps of its next push, once.
inline thread_local std::function<void()> between_steps;

template <class T>
struct stopping_atomic : std::atomic<T> {
    using std::atomic<T>::atomic;

    // The only pointer that the protocol exchanges is a queue's tail, in the first step of a push.
    T exchange(T wanted, std::memory_order order) noexcept
    {
        const T found = std::atomic<T>::exchange(wanted, order);
        if constexpr (std::is_pointer_v<T>)
            if (between_steps)
                std::exchange(between_steps, nullptr)();
        return found;
    }
};

/// The processor time of the calling thread.
inline std::int64_t thread_cpu_ns() noexcept
{
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

/// Time and naps of a thread inside one call of the queue.
struct spin_figures {
    std::int64_t wall_ns = 0;
    std::int64_t cpu_ns = 0;
    std::int64_t longest_ns = 0; ///< processor time from one nap or sleep to the next
    std::int64_t naps = 0;
};

/// Measures the calling thread. World::nap and World::sleep divide its run into stretches.
class spin_meter {
public:
    void stretch_ends() noexcept { longest_ = std::max(longest_, thread_cpu_ns() - since_); }
    void stretch_begins() noexcept { since_ = thread_cpu_ns(); }
    void nap_begins() noexcept
    {
        stretch_ends();
        ++naps_;
    }

    template <class Call>
    spin_figures measure(Call&& call)
    {
        longest_ = naps_ = 0;
        const std::int64_t cpu_from = since_ = thread_cpu_ns();
        const auto wall_from = static_cast<std::int64_t>(detail::now_ns());
        call();
        stretch_ends();
        return {.wall_ns = static_cast<std::int64_t>(detail::now_ns()) - wall_from,
            .cpu_ns = thread_cpu_ns() - cpu_from,
            .longest_ns = longest_,
            .naps = naps_};
    }

private:
    std::int64_t since_ = 0, longest_ = 0, naps_ = 0;
};
inline thread_local spin_meter meter;

struct gap_world;
struct gap_wake_target;
struct gap_inbox;

struct gap_request : mpsc_node<stopping_atomic> {
    gap_inbox* owner = nullptr;
    std::int64_t takes_ns = 0; ///< how long the drive takes
    std::int64_t due_ns = 0;
    std::atomic<bool> finished{false};
};

/// A command is done when its time is over; the next pass finds it.
class gap_drive {
public:
    void pass(std::span<gap_request* const> to_send, detail::found_batch<gap_world>& completions,
        detail::pass_context& by) noexcept;
    void send(std::span<gap_request* const> to_send, detail::pass_context& by) noexcept
    {
        for (gap_request* const each : to_send) {
            each->due_ns = static_cast<std::int64_t>(detail::now_ns()) + each->takes_ns;
            held_[in_flight_++] = each;
        }
        by.sent.add(to_send.size());
        sent.add(to_send.size());
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }
    void turn_begins() noexcept { }
    void turn_ends() noexcept
    {
        if (when_turn_ends)
            when_turn_ends();
    }

    detail::counter sent, found;
    // Set these only while no thread polls. They run on the thread that polls.
    std::function<void(gap_request&)> when_found; ///< before the pass hands the request over
    std::function<void()> when_turn_ends; ///< before the role is free

private:
    std::array<gap_request*, 16> held_{};
    std::uint32_t in_flight_ = 0;
};

/// Only the ring's own thread touches this.
struct gap_ring {
    gap_inbox* in = nullptr;
    detail::pass_context passes;
    detail::spin_history spins;

    void stage(gap_request& r) noexcept
    {
        r.owner = in;
        // relaxed: the push that follows publishes it.
        r.finished.store(false, std::memory_order_relaxed);
        // relaxed: the push of the chain publishes it.
        if (first_ != nullptr)
            last_->next.store(&r, std::memory_order_relaxed);
        else
            first_ = &r;
        last_ = &r;
        ++outstanding_;
    }
    bool take_staged(gap_request*& first, gap_request*& last) noexcept
    {
        first = std::exchange(first_, nullptr);
        last = last_;
        return first != nullptr;
    }
    [[nodiscard]] std::uint32_t outstanding() const noexcept { return outstanding_; }
    void finish(gap_request& r) noexcept
    {
        --outstanding_;
        r.finished.store(true, std::memory_order_release);
    }
    void finish_deferred(gap_request& r) noexcept { finish(r); }

private:
    gap_request* first_ = nullptr;
    gap_request* last_ = nullptr;
    std::uint32_t outstanding_ = 0;
};

struct gap_world : detail::native {
    template <class T>
    using atomic = stopping_atomic<T>;
    using queue = mpsc_queue<stopping_atomic>;
    using request = gap_request;
    using wake_target = gap_wake_target;
    using inbox = gap_inbox;
    using owner = gap_ring;
    using drive = gap_drive;

    static void sleep(
        std::atomic<std::uint32_t>& word, std::uint32_t value, deadline until) noexcept
    {
        meter.stretch_ends();
        native::sleep(word, value, until);
        meter.stretch_begins();
    }
    static void nap() noexcept
    {
        meter.nap_begins();
        native::nap();
        meter.stretch_begins();
    }
    static void write_event(const wake_target&) noexcept { } // no ring of these tests has an event
    static void set_cancelled(request&) noexcept { }
    static void set_deferred(request&) noexcept { }
    static void set_fetched(request&) noexcept { }
};

struct gap_wake_target : detail::basic_wake_target<gap_world> { };

struct gap_inbox : detail::basic_inbox<gap_world> { };

using gap_queue = detail::shared_queue<gap_world>;

inline void gap_drive::pass(std::span<gap_request* const> to_send,
    detail::found_batch<gap_world>& completions, detail::pass_context& by) noexcept
{
    send(to_send, by);
    by.passes.add(1);
    const auto now = static_cast<std::int64_t>(detail::now_ns());
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < in_flight_;) {
        gap_request& each = *held_[i];
        if (each.due_ns > now) {
            ++i;
            continue;
        }
        held_[i] = held_[--in_flight_];
        ++count;
        if (when_found)
            when_found(each);
        completions.finish(each);
    }
    completions.add_found(count);
    found.add(count);
}

/// A queue with three rings, and the state that is printed when a deadline passes.
struct gap_fixture {
    explicit gap_fixture(bool resident)
        : queue(drive, {.rings_max = 3, .has_resident = resident})
    {
        for (std::size_t i = 0; i < rings.size(); ++i) {
            rings[i].in = &queue.inboxes()[i];
            rings[i].passes.number = i + 1;
        }
    }
    void print() const
    {
        std::fprintf(stderr, "role %s, %s queued; the drive was sent %llu, and %llu were found\n",
            queue.is_role_free() ? "free" : "taken", queue.has_queued() ? "something" : "nothing",
            static_cast<unsigned long long>(drive.sent.get()),
            static_cast<unsigned long long>(drive.found.get()));
        for (std::size_t i = 0; i < rings.size(); ++i)
            std::fprintf(stderr, "ring %zu: request %s, sleeps for %u, %llu passes, %llu sleeps\n",
                i, requests[i].finished.load(std::memory_order_relaxed) ? "finished" : "open",
                rings[i].in->sleep_state.missing(),
                static_cast<unsigned long long>(rings[i].passes.passes.get()),
                static_cast<unsigned long long>(rings[i].passes.sleeps.get()));
    }
    [[nodiscard]] bool finished(std::size_t ring) const
    {
        return requests[ring].finished.load(std::memory_order_acquire);
    }

    gap_drive drive;
    gap_queue queue;
    std::array<gap_ring, 3> rings;
    std::array<gap_request, 3> requests; ///< one for each ring
};

} // namespace ngpoll::test
