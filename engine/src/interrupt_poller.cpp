// SPDX-License-Identifier: MIT
#include "interrupt_poller.hpp"

#include <cerrno>

#include <sys/eventfd.h>

#include "error.hpp"

namespace ngpoll::detail {

namespace {

file_descriptor open_event()
{
    auto event = file_descriptor::opened_by([] { return ::eventfd(0, EFD_CLOEXEC); });
    if (event.get() < 0)
        fail(errno,
            "the eventfd of a fetch_group by interrupt cannot be made; raise the limit on "
            "open files (ulimit -n)");
    return event;
}

} // namespace

interrupt_poller::interrupt_poller(
    interrupt_rings& rings, std::uint32_t depth, std::uint64_t number)
    : event_(open_event())
{
    passes_.number = number;
    thread_.emplace(
        [this, &rings, depth] {
            ring_ = rings.open_ring({.depth = depth, .event_fd = event_.get()});
            drive_.emplace(*ring_);
            queue_.emplace(*drive_, shared_queue<native>::options{.has_resident = true});
            passes_.seat = ring_->attach(); // last: a failure behind it would have to detach
        },
        [this] {
            queue_->its_resident.run_by_interrupt(passes_, stop_, event_.get());
            ring_->detach(passes_.seat);
        });
}

void interrupt_poller::stop() noexcept
{
    if (!thread_)
        return;
    // seq_cst: not after the look for a sleeping thread; pairs with the thread's look after arming.
    stop_.store(true, std::memory_order_seq_cst);
    queue_->its_resident.wake();
    thread_.reset();
    ring_.reset();
}

} // namespace ngpoll::detail
