// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <ngpoll/mpsc_queue.hpp>

#include "group_queue.hpp"
#include "inbox.hpp"
#include "poller.hpp"
#include "protocol_step.hpp"
#include "shared_queue.hpp"

#include "model_atomic.hpp"

// The kernel, drive, rings and requests of the shared queue's protocol under the model checker.
// They replace engine/src/native.hpp.
namespace ngpoll::test {

struct world;
struct ring;
struct wake_target;
struct inbox;

/// FUTEX_WAIT, FUTEX_WAKE and eventfds. Only a deadline ends a sleep by time. A thread that is
/// never woken sleeps for ever, and Relacy reports a deadlock.
class kernel {
public:
    /// An eventfd that only its owner reads. The owner owns its memory, so no write may come after
    /// it is closed.
    class event {
    public:
        void write()
        {
            RL_ASSERT(open_(RL_INFO) == 1);
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
        void close() { open_(RL_INFO) = 0; }

    private:
        rl::var<int> open_{1};
        bool written_ = false;
        rl::waitset<static_cast<rl::thread_id_t>(kModelThreadsMax)> waiting_;
    };

    /// Sleeps if `word` is `value`. No wake comes between the check and the sleep. Orders nothing,
    /// although the real kernel does, because the code under test must not depend on it.
    void sleep(const model_atomic<std::uint32_t>& word, std::uint32_t value, bool has_deadline)
    {
        const turn alone;
        if (word.newest() == value)
            sleepers_of(word).park_current(rl::ctx(), has_deadline, false, false, RL_INFO);
    }
    void wake(const model_atomic<std::uint32_t>& word)
    {
        const turn alone;
        sleepers_of(word).unpark_one(rl::ctx(), RL_INFO);
    }

    std::array<event, kModelThreadsMax> events;

    static inline kernel* in_use = nullptr;

private:
    using waitset = rl::waitset<static_cast<rl::thread_id_t>(kModelThreadsMax)>;
    struct futex {
        const void* word = nullptr;
        waitset asleep;
    };

    waitset& sleepers_of(const model_atomic<std::uint32_t>& word)
    {
        const auto found = std::find_if(futexes_.begin(), futexes_.end(),
            [&](const futex& each) { return each.word == &word || each.word == nullptr; });
        RL_ASSERT(found != futexes_.end());
        found->word = &word;
        return found->asleep;
    }

    std::array<futex, kModelThreadsMax> futexes_;
};

/// A deadline that passes at any time, and stays passed.
struct time_limit {
    bool over = false;
};

struct request : mpsc_queue<model_atomic>::node {
    enum : int { staged = 1, sent, found, finished };

    inbox* owner = nullptr;
    rl::var<int> content{0}; ///< reports accesses of two threads that are not ordered
    ring* submitter = nullptr; ///< null: a group submitted it
    std::size_t found_at = 0; ///< the ring's count of earlier completions
    bool is_sent = false; ///< plain memory, so it orders nothing
    bool held = false; ///< the drive does not complete it yet

    void becomes(int before, int after)
    {
        RL_ASSERT(content(RL_INFO) == before);
        content(RL_INFO) = after;
    }
};

/// Counts nothing.
struct no_figure {
    void add(std::uint64_t) noexcept { }
    void set(std::uint64_t) noexcept { }
    [[nodiscard]] std::uint64_t get() const noexcept { return 0; }
};

struct no_spins { };

class model_mutex {
public:
    void lock() { mutex_.lock(RL_INFO); }
    void unlock() { mutex_.unlock(RL_INFO); }

private:
    rl::mutex mutex_;
};

struct pass_context {
    std::uint32_t submit_batch_max = 32;
    std::uint64_t number = 0;
    no_figure finished_deferred, sleeps, wakes, takeovers;
};

/// Completes commands in any order, in this pass or a later one.
class drive {
public:
    void send(std::span<request* const> to_send, pass_context&) noexcept
    {
        touch();
        for (request* const each : to_send) {
            each->becomes(request::staged, request::sent);
            each->is_sent = true;
            in_flight_.at(count_++) = each;
        }
    }
    void pass(std::span<request* const> to_send, detail::found_batch<world>& completions,
        pass_context& by) noexcept;
    [[nodiscard]] std::uint32_t in_flight() noexcept
    {
        touch();
        return static_cast<std::uint32_t>(count_);
    }
    /// A command in flight has always completed, so only a write by another thread ends the sleep.
    [[nodiscard]] bool arm_event(pass_context&) noexcept { return in_flight() == 0; }
    void turn_begins() noexcept { touch(); }
    void turn_ends() noexcept { touch(); }

private:
    /// Relacy reports two threads that come here unordered.
    void touch() { state_(RL_INFO) = 1; }

    rl::var<int> state_{0};
    std::array<request*, 16> in_flight_{};
    std::size_t count_ = 0;
};

struct world {
    template <class T>
    using atomic = model_atomic<T>;
    using queue = mpsc_queue<model_atomic>;
    using request = test::request;
    using wake_target = test::wake_target;
    using inbox = test::inbox;
    using owner = test::ring;
    using pass_context = test::pass_context;
    using figure = no_figure;
    using mutex = model_mutex;
    using spin_history = no_spins;
    using drive = test::drive;
    using deadline = time_limit*;

    static constexpr deadline kNever = nullptr;
    static constexpr std::uint32_t kPassSendMax = 128;
    static constexpr std::int32_t kWorthPostponing = 1;

    static bool skips(detail::step asked) noexcept { return is_skipped(asked); }

    static bool is_over(deadline until) noexcept
    {
        if (until != nullptr && rl::rand(8) == 0)
            until->over = true;
        return until != nullptr && until->over;
    }
    static void sleep(
        const model_atomic<std::uint32_t>& word, std::uint32_t value, deadline until) noexcept
    {
        kernel::in_use->sleep(word, value, until != nullptr);
    }
    static void wake(const model_atomic<std::uint32_t>& word) noexcept
    {
        kernel::in_use->wake(word);
    }
    static void set_event(wake_target& sleeping, std::size_t number) noexcept;
    static void write_event(wake_target& sleeping) noexcept;
    static void wait_for_event(wake_target& sleeping) noexcept;
    static void nap() noexcept { rl::yield(1, RL_INFO); }
    static void yield() noexcept { rl::yield(1, RL_INFO); }

    static void set_found(request& r) noexcept;
    static void set_cancelled(request& r) noexcept
    {
        r.becomes(request::staged, request::sent);
        set_found(r);
    }
    /// A group may take a request back from a fetch that did not read it.
    static void set_deferred(request& r) noexcept
    {
        RL_ASSERT(r.content(RL_INFO) == request::found || r.content(RL_INFO) == request::finished);
        r.content(RL_INFO) = request::found;
    }
    static void set_fetched(request& r) noexcept { r.becomes(request::found, request::finished); }

    /// Returns true at random, because a spin must not matter for the protocol.
    template <class Seen>
    static bool spin_for(no_spins&, bool, deadline, Seen) noexcept
    {
        return rl::rand(8) == 0;
    }
    template <class Poller>
    static bool look_for_work(Poller& poller) noexcept
    {
        return poller.has_work();
    }
};

struct wake_target : detail::basic_wake_target<world> {
    rl::var<std::size_t> event{0}; ///< the event's number; written when a ring is opened
};

struct inbox : detail::basic_inbox<world> { };

inline void world::set_event(wake_target& sleeping, std::size_t number) noexcept
{
    sleeping.event(RL_INFO) = number;
}

inline void world::wait_for_event(wake_target& sleeping) noexcept
{
    kernel::in_use->events.at(sleeping.event(RL_INFO)).read();
}

inline void world::write_event(wake_target& sleeping) noexcept
{
    kernel::in_use->events.at(sleeping.event(RL_INFO)).write();
}

using shared_queue = detail::shared_queue<world>;
using group = detail::basic_group<world>;
using fetch = detail::basic_fetch<world>;
using group_queue = detail::group_queue<world>;

/// Only the ring's thread touches this, like detail::ring_state. It contains all requests of the
/// ring.
struct ring {
    static constexpr std::size_t kRequests = 2;

    inbox* in = nullptr;
    pass_context passes;
    std::array<request, kRequests> requests;
    std::size_t accepted = 0, sent = 0, finished = 0;
    std::size_t found = 0; ///< only the poller touches it
    unsigned thread = 0;
    no_spins spins;

    request& submit()
    {
        request& r = requests.at(accepted++);
        r.submitter = this;
        r.content(RL_INFO) = request::staged;
        return r;
    }
    [[nodiscard]] std::uint32_t outstanding() const noexcept
    {
        return static_cast<std::uint32_t>(accepted - finished);
    }
    bool take_staged(request*& first, request*& last) noexcept
    {
        if (sent == accepted)
            return false;
        first = last = &requests[sent];
        first->owner = in;
        while (++sent != accepted) {
            request* const next = &requests[sent];
            next->owner = in;
            // relaxed: the push publishes it with the requests.
            last->next.store(next, std::memory_order_relaxed);
            last = next;
        }
        return true;
    }
    /// Checks that each request finishes once, on the ring's thread, in the order found.
    void finish(request& r) noexcept
    {
        RL_ASSERT(rl::thread_index() == thread);
        RL_ASSERT(r.submitter == this);
        r.becomes(request::found, request::finished);
        RL_ASSERT(r.found_at == finished);
        ++finished;
    }
    void finish_deferred(request& r) noexcept { finish(r); }
};

inline void world::set_found(request& r) noexcept
{
    r.becomes(request::sent, request::found);
    if (r.submitter != nullptr)
        r.found_at = r.submitter->found++;
}

inline void drive::pass(std::span<request* const> to_send, detail::found_batch<world>& completions,
    pass_context& by) noexcept
{
    send(to_send, by);
    std::uint32_t found = 0;
    for (std::size_t i = 0; i != count_;) {
        request& each = *in_flight_[i];
        if (each.held || rl::rand(3) == 0) {
            ++i;
            continue;
        }
        std::copy(in_flight_.data() + i + 1, in_flight_.data() + count_, in_flight_.data() + i);
        --count_;
        world::set_found(each);
        ++found;
        completions.finish(each);
    }
    completions.add_found(found);
    touch();
}

} // namespace ngpoll::test
