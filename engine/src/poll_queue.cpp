// SPDX-License-Identifier: MIT
#include <ngpoll/poll_queue.hpp>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include <ngpoll/assert.hpp>

#include "backend.hpp"
#include "error.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

/// IORING_MAX_ENTRIES: more submission entries than this io_uring_setup refuses.
constexpr std::uint32_t kRingEntriesMax = 32768;

void check_depth(const namespace_info& device, std::uint32_t depth)
{
    if (depth == 0)
        detail::fail(EINVAL, "depth 0: at least one command must be in flight; give 1 or more");
    if (depth > kRingEntriesMax)
        detail::fail(EINVAL,
            fmt::format(
                "depth {} is above what a ring holds; give {} or less", depth, kRingEntriesMax));
    if (device.queue_depth_max != 0 && depth > device.queue_depth_max)
        detail::fail(EINVAL,
            fmt::format("depth {} is above what one queue of {} holds; give {} or less", depth,
                device.path, device.queue_depth_max));
}

} // namespace

const char* to_string(poll_mode mode) noexcept
{
    switch (mode) {
    case poll_mode::polled: return "polled";
    case poll_mode::hybrid: return "hybrid";
    case poll_mode::interrupt: return "interrupt";
    }
    return "unknown";
}

poll_queue::poll_queue(const nvme_namespace& device, options how)
    : options_(how)
    , device_(device.backend_)
{
    check_depth(device.info(), how.depth);
    if (how.rings_max == 0)
        detail::fail(
            EINVAL, "rings_max 0: a poll queue without rings does nothing; give 1 or more");
    transport_ = device_->open_transport(how);
}

poll_queue::poll_queue(std::unique_ptr<transport> made, options how) noexcept
    : options_(how)
    , transport_(std::move(made))
{
}

poll_queue::~poll_queue()
{
    NGPOLL_ASSERT(rings_attached_ == 0, "close every ring before its poll_queue is destroyed");
    NGPOLL_ASSERT(transport_->in_flight() == 0, "a closed ring left a command in flight");
}

const poll_queue_report& poll_queue::report() const noexcept { return transport_->report(); }

bool poll_queue::try_become_poller() noexcept
{
    role expected = role::free;
    // relaxed look first: those who wait do not take the line away from the poller.
    if (role_.load(std::memory_order_relaxed) != expected)
        return false;
    // acquire: what the last poller wrote to the transport and the cursor; pairs with the release
    // in give_up_poller(). relaxed on failure: nothing is touched then.
    return role_.compare_exchange_strong(
        expected, role::in_pass, std::memory_order_acquire, std::memory_order_relaxed);
}

void poll_queue::give_up_poller() noexcept
{
    // release: hands transport and cursor on; pairs with the acquire in try_become_poller().
    role_.store(role::free, std::memory_order_release);
}

void poll_queue::attach(std::uint32_t depth)
{
    if (depth == 0)
        detail::fail(EINVAL, "depth 0: a ring must hold at least one request; give 1 or more");
    const std::lock_guard lock(attach_mutex_);
    if (rings_attached_ == options_.rings_max)
        detail::fail(EBUSY,
            fmt::format("the poll queue was set up for {} ring(s) and has them; raise rings_max",
                options_.rings_max));
    if (depth > options_.depth - depth_attached_)
        detail::fail(EBUSY,
            fmt::format("the poll queue's depth is {}, {} of it taken: no room for a ring of depth "
                        "{}; raise poll_queue::options::depth or lower ring::options::depth",
                options_.depth, depth_attached_, depth));
    ++rings_attached_;
    depth_attached_ += depth;
}

void poll_queue::detach(std::uint32_t depth) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    --rings_attached_;
    depth_attached_ -= depth;
}

} // namespace ngpoll
