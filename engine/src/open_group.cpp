// SPDX-License-Identifier: MIT
#include "open_group.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include <ngpoll/assert.hpp>

#include "error.hpp"

namespace ngpoll::detail {

namespace {

/// Copies only the seat and the number: the figures begin at zero.
void set_up(pass_context& by, const pass_context& as) noexcept
{
    by.seat = as.seat;
    by.number = as.number;
    for (counter* const each : {&by.finished_inline, &by.finished_deferred, &by.passes,
             &by.empty_passes, &by.system_calls, &by.sent, &by.sleeps, &by.wakes, &by.takeovers})
        each->set(0);
}

} // namespace

void worker::set_up(std::uint32_t most, int fd, const pass_context& as)
{
    if (room_ < most) {
        arrays_ = std::make_unique<request*[]>(2 * std::size_t{most});
        room_ = most;
    }
    for (std::size_t i = 0; i < buffers.size(); ++i)
        buffers[i].requests = arrays_.get() + i * room_;
    batch_max = most;
    reading = filling = 0;
    held = nullptr;
    has_ended = false;
    by_event = fd >= 0;
    event_fd = fd;
    spins = {};
    detail::set_up(passes, as);
}

void open_group::reopen(shared_queue<native>& queue, std::uint32_t depth, inbox& place,
    std::uint64_t number, const transport_seat& seat)
{
    queue_ = &queue;
    has_resident_ = queue.has_resident();
    as_.number = number;
    as_.seat = seat;
    for (std::atomic<std::uint64_t>* const each : {&sent_, &system_calls_, &wakes_})
        each->store(0, std::memory_order_relaxed); // relaxed: no other thread has it yet
    state.reopen(depth, place);
    place.group.store(&state, std::memory_order_release); // release: publishes all of the above
}

void open_group::reopen(interrupt_rings& rings, std::uint32_t depth, std::uint64_t number)
{
    own_poller_ = std::make_unique<interrupt_poller>(rings, depth, number);
    shared_queue<native>& queue = own_poller_->queue();
    reopen(queue, depth, queue.inboxes().front(), number, {});
}

open_group::~open_group()
{
    // Its thread belongs to the parent: it can be neither joined nor detached in a forked child.
    if (is_inherited())
        static_cast<void>(own_poller_.release());
}

std::uint32_t open_group::mark_taken(std::span<request* const> requests) noexcept
{
    std::uint32_t count = 0;
    for (request* const r : requests) {
        NGPOLL_DEBUG_ASSERT(
            r->status.taken == 0, "an outstanding request was submitted to a fetch_group");
        if (r->status.taken != 0)
            break;
        r->status.taken = 1;
        ++count;
    }
    return count;
}

std::uint32_t open_group::submit(std::span<request* const> requests) noexcept
{
    const std::uint32_t marked = mark_taken(requests);
    const std::uint32_t taken = marked == 0 ? 0 : state.take_credits(marked);
    for (request* const r : requests.subspan(taken, marked - taken))
        r->status.taken = 0;
    if (taken == 0)
        return 0;
    request* last = requests[0];
    last->owner = state.place;
    for (request* const r : requests.subspan(1, taken - 1)) {
        r->owner = state.place;
        last->next.store(r, std::memory_order_relaxed); // relaxed: published by the push
        last = r;
    }
    pass_context by;
    set_up(by, as_);
    calls().push(*requests[0], *last, by);
    count(by);
    state.leave(taken); // the last touch of the group
    return taken;
}

void open_group::close() noexcept
{
    pass_context by;
    set_up(by, as_);
    calls().close(by);
    count(by);
    state.place->pushed.add(state.accepted()); // for describe()
    // relaxed: all its requests are found; a late look at the group finds nothing to do.
    state.place->group.store(nullptr, std::memory_order_relaxed);
    if (own_poller_)
        own_poller_->stop();
}

worker* open_group::post(std::uint32_t batch_max, int event_fd)
{
    const std::lock_guard lock(state.mutex);
    if (state.is_closing())
        fail(ESHUTDOWN, "the fetch_group is closing or closed: post fetches before it closes");
    auto* posted = static_cast<worker*>(state.free_fetch());
    const std::uint32_t most = std::min(batch_max, state.depth);
    if (posted == nullptr) {
        auto made = std::make_unique<worker>();
        made->set_up(most, event_fd, as_);
        workers_.push_back(std::move(made));
        posted = workers_.back().get();
        state.fetches.add(*posted);
    } else {
        posted->set_up(most, event_fd, as_);
    }
    state.post(*posted);
    return posted;
}

void open_group::count(const pass_context& did) noexcept
{
    const auto add = [](std::atomic<std::uint64_t>& to, std::uint64_t n) {
        if (n != 0)
            to.fetch_add(n, std::memory_order_relaxed); // relaxed: a figure
    };
    add(sent_, did.sent.get());
    add(system_calls_, did.system_calls.get());
    add(wakes_, did.wakes.get());
}

ring_stats open_group::poller_stats() const noexcept
{
    return own_poller_ ? own_poller_->stats() : ring_stats{};
}

ring_stats open_group::submit_stats() const noexcept
{
    // relaxed, all: figures.
    return {.system_calls = system_calls_.load(std::memory_order_relaxed),
        .sent = sent_.load(std::memory_order_relaxed),
        .wakes = wakes_.load(std::memory_order_relaxed)};
}

} // namespace ngpoll::detail
