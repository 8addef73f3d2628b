// SPDX-License-Identifier: MIT
#include <ngpoll/poll_queue.hpp>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/ring.hpp>

#include "backend.hpp"
#include "clock.hpp"
#include "error.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

/// IORING_MAX_ENTRIES: more submission entries than this io_uring_setup refuses.
constexpr std::uint32_t kRingEntriesMax = 32768;

/// How long a ring that stopped polling keeps the role from the others.
constexpr std::int64_t kLeaseNs = 100'000;

/// Between two looks at what another thread is about to do. A sleep, not a yield: a real-time
/// thread that yields keeps a lower one, which may be the one it waits for, from its processor.
void look_again_later() noexcept { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

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

bool poll_queue::try_become_poller(const ring& who, taking how) noexcept
{
    const auto self = reinterpret_cast<std::uintptr_t>(&who);
    // acquire: leased_since_ns_, which the holder wrote before it leased; pairs with
    // lease_poller().
    std::uintptr_t found = role_.load(std::memory_order_acquire);
    if ((found & kInPass) != 0)
        return false;
    if (found != 0 && found != self) {
        // relaxed, both: ordered by the load of role_. A thread does not wait for itself: its rings
        // take the role from each other.
        const bool own = leased_thread_.load(std::memory_order_relaxed) == who.thread_;
        const auto idle_ns = [&] { // signed: the lease may be renewed after the clock was read
            return static_cast<std::int64_t>(
                detail::now_ns() - leased_since_ns_.load(std::memory_order_relaxed));
        };
        if (!own && (how == taking::nobody || (how == taking::from_idle && idle_ns() < kLeaseNs)))
            return false;
    }
    // acquire: what the last poller wrote to the transport and the cursor; pairs with the releases
    // in lease_poller() and give_up_poller(). relaxed on failure: nothing is touched then.
    return role_.compare_exchange_strong(
        found, self | kInPass, std::memory_order_acquire, std::memory_order_relaxed);
}

void poll_queue::lease_poller(const ring& who) noexcept
{
    // relaxed, both: published by the store to role_.
    leased_since_ns_.store(detail::now_ns(), std::memory_order_relaxed);
    leased_thread_.store(who.thread_, std::memory_order_relaxed);
    // release: hands transport and cursor on; pairs with the acquire in try_become_poller().
    role_.store(reinterpret_cast<std::uintptr_t>(&who), std::memory_order_release);
}

void poll_queue::give_up_poller() noexcept
{
    // release: as in lease_poller().
    role_.store(0, std::memory_order_release);
}

void poll_queue::end_lease(const ring& who) noexcept
{
    auto leased = reinterpret_cast<std::uintptr_t>(&who);
    // acq_rel: hands on what the ring that leased it to `who` left. relaxed on failure: nothing is
    // touched then.
    role_.compare_exchange_strong(leased, 0, std::memory_order_acq_rel, std::memory_order_relaxed);
}

bool poll_queue::another_polls(const ring& who) const noexcept
{
    // seq_cst: a ring that has said it will sleep must not have this look moved before that store.
    const std::uintptr_t role = role_.load(std::memory_order_seq_cst);
    return role != 0 && role != reinterpret_cast<std::uintptr_t>(&who);
}

void poll_queue::claim_role(const ring& who) noexcept
{
    // relaxed: a request to hurry; the role itself orders everything.
    claims_.fetch_add(1, std::memory_order_relaxed);
    while (!try_become_poller(who, taking::from_any))
        look_again_later();
    claims_.fetch_sub(1, std::memory_order_relaxed); // relaxed: as above
}

bool poll_queue::role_claimed() const noexcept
{
    return claims_.load(std::memory_order_relaxed) != 0; // relaxed: as in claim_role()
}

void poll_queue::step_aside() noexcept
{
    give_up_poller();
    while (role_claimed())
        look_again_later();
}

void poll_queue::end_pass() noexcept
{
    // relaxed load: the poller alone writes it. release: what the pass did to other rings; pairs
    // with wait_for_pass_end().
    passes_ended_.store(
        passes_ended_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void poll_queue::wait_for_pass_end() const noexcept
{
    // acquire, both: what the poller did to the caller's ring in its passes; pair with the releases
    // at the end of a pass and of the role.
    const std::uint64_t before = passes_ended_.load(std::memory_order_acquire);
    while ((role_.load(std::memory_order_acquire) & kInPass) != 0
        && passes_ended_.load(std::memory_order_acquire) == before)
        look_again_later();
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
