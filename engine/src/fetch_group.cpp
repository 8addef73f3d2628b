// SPDX-License-Identifier: MIT
#include <ngpoll/fetch_group.hpp>

#include <utility>

#include <ngpoll/assert.hpp>
#include <ngpoll/poll_queue.hpp>

#include "error.hpp"
#include "native.hpp"
#include "open_group.hpp"
#include "queue_state.hpp"
#include "this_thread.hpp"

namespace ngpoll {

namespace {

/// Throws if a group cannot be on this queue.
void check_queue(const detail::queue_state& queue)
{
    if (queue.is_inherited())
        detail::stop(
            "a fetch_group was made in a forked child on its parent's queue; open the device "
            "anew in the child");
    if (queue.options().rings_max < 2)
        detail::refuse("a fetch_group needs a shared queue; make it with rings_max 2 or more");
    if (queue.options().hardware_queue && !queue.has_resident() && !queue.is_by_interrupt())
        detail::refuse("a fetch_group on a queue for one hardware_queue needs a resident: a thread "
                       "that submits may have to send, and on any processor");
}

} // namespace

/// The fetches that are open on this thread. If the thread ended with an open fetch, its batch
/// would never be taken.
struct detail::open_fetches {
    fetch* first = nullptr;
    unsigned process = process_generation;

    /// A forked child starts with an empty list: the fetches on it belong to the parent.
    void leave_parent() noexcept
    {
        if (is_inherited(process))
            first = nullptr;
        process = process_generation;
    }
    void add(fetch& opened) noexcept
    {
        leave_parent();
        opened.next_on_thread_ = first;
        if (first != nullptr)
            first->previous_on_thread_ = &opened;
        first = &opened;
    }
    void remove(const fetch& closed) noexcept
    {
        if (closed.next_on_thread_ != nullptr)
            closed.next_on_thread_->previous_on_thread_ = closed.previous_on_thread_;
        (closed.previous_on_thread_ == nullptr ? first
                                               : closed.previous_on_thread_->next_on_thread_)
            = closed.next_on_thread_;
    }
    ~open_fetches()
    {
        leave_parent();
        while (first != nullptr)
            first->close(); // takes the fetch off the list
    }
};

namespace {

thread_local detail::open_fetches fetches_of_this_thread;

} // namespace

// ---- fetch_group

fetch_group::fetch_group(poll_queue& queue, options requested)
{
    detail::queue_state& its = queue.state();
    check_queue(its);
    const auto place = its.attach(0, requested.depth);
    try {
        state_ = its.group_for(place);
    } catch (...) {
        its.detach(place);
        throw;
    }
    queue_ = &its;
}

fetch_group::~fetch_group() { close(); }

bool fetch_group::submit(request& r) noexcept
{
    request* const one = &r;
    return submit(std::span(&one, 1)) == 1;
}

std::uint32_t fetch_group::submit(std::span<request* const> requests) noexcept
{
    if (state_->is_inherited()) [[unlikely]]
        detail::stop(
            "a fetch_group was used in a forked child: it belongs to the parent; open the device "
            "there anew, or start threads instead of processes");
    return state_->submit(requests);
}

void fetch_group::close() noexcept
{
    if (queue_ == nullptr || state_->is_inherited())
        return;
    NGPOLL_ASSERT(!detail::is_in_shared_queue(),
        "a fetch_group cannot be closed from inside a callback of a ring on a shared queue");
    detail::queue_state& its = *std::exchange(queue_, nullptr);
    state_->close();
    its.detach(
        {.depth = state_->state.depth, .in = state_->state.place, .number = state_->number()});
}

std::uint32_t fetch_group::depth() const noexcept { return state_->state.depth; }

ring_stats fetch_group::submit_stats() const noexcept { return state_->submit_stats(); }

// ---- fetch

fetch::fetch(fetch_group& group, options requested)
    : group_(group.state_)
    , caller_(detail::this_caller())
{
    if (group_->is_inherited())
        detail::stop("a fetch was posted in a forked child on a fetch_group of its parent's");
    if (requested.batch_max == 0)
        detail::refuse("batch_max 0: a fetch without room gets nothing; give 1 or more");
    if (requested.event_fd >= 0 && !group_->has_resident())
        detail::refuse(
            "event_fd: no thread polls while an event loop waits; make the queue with role "
            "resident");
    worker_ = group_->post(requested.batch_max, requested.event_fd);
    fetches_of_this_thread.add(*this);
}

fetch::~fetch() { close(); }

std::span<request* const> fetch::next() noexcept { return get(nullptr); }

std::span<request* const> fetch::next(std::chrono::steady_clock::time_point deadline) noexcept
{
    return get(&deadline);
}

std::span<request* const> fetch::get(const std::chrono::steady_clock::time_point* deadline) noexcept
{
    if (caller_ != detail::this_caller()) [[unlikely]]
        detail::stop(group_->is_inherited()
                ? "a fetch was used in a forked child: it belongs to the parent"
                : "a fetch was used on another thread than the one that made it: give each worker "
                  "a fetch of its own");
    NGPOLL_ASSERT(worker_ != nullptr, "a closed fetch was used");
    if (detail::is_in_shared_queue())
        return {};
    const std::uint32_t count = group_->calls().next(*worker_, deadline);
    if (count == 0)
        return {};
    return {worker_->held->requests, count};
}

bool fetch::has_ended() const noexcept { return worker_ != nullptr && worker_->has_ended; }

void fetch::close() noexcept
{
    if (worker_ == nullptr || group_->is_inherited())
        return;
    if (caller_ != detail::this_caller())
        detail::stop("a fetch was closed on another thread than the one that made it");
    NGPOLL_ASSERT(!detail::is_in_shared_queue(),
        "a fetch cannot be closed from inside a callback of a ring on a shared queue");
    last_stats_ = worker_->passes.snapshot();
    group_->calls().withdraw(*std::exchange(worker_, nullptr));
    fetches_of_this_thread.remove(*this);
}

ring_stats fetch::stats() const noexcept
{
    return worker_ != nullptr ? worker_->passes.snapshot() : last_stats_;
}

} // namespace ngpoll
