// SPDX-License-Identifier: MIT
#include <ngpoll/poll_queue.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sched.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/ring.hpp>

#include "backend.hpp"
#include "clock.hpp"
#include "error.hpp"
#include "process.hpp"
#include "resident_poller.hpp"
#include "transport.hpp"

namespace ngpoll {

namespace {

/// IORING_MAX_ENTRIES: more submission entries than this io_uring_setup refuses.
constexpr std::uint32_t kRingEntriesMax = 32768;

role_policy role_of(const namespace_info& device, const poll_queue::options& how)
{
    if (how.role != role_policy::automatic)
        return how.role;
    if (how.rings_max == 1 || device.emulated || how.mode != poll_mode::polled)
        return role_policy::lease;
    // One that polls would take a lone processor from those whose commands it polls for.
    cpu_set_t allowed;
    const bool alone
        = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == 1;
    return alone ? role_policy::lease : role_policy::resident;
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

const char* to_string(role_policy policy) noexcept
{
    switch (policy) {
    case role_policy::automatic: return "automatic";
    case role_policy::lease: return "lease";
    case role_policy::give_up: return "give-up";
    case role_policy::resident: return "resident";
    }
    return "unknown";
}

std::optional<role_policy> role_policy_named(std::string_view name) noexcept
{
    for (const role_policy policy :
        {role_policy::automatic, role_policy::lease, role_policy::give_up, role_policy::resident})
        if (name == to_string(policy))
            return policy;
    return name == "auto" ? std::optional(role_policy::automatic) : std::nullopt;
}

poll_queue::poll_queue(const nvme_namespace& device, options how)
    : options_(how)
    , device_(device.backend_)
    , process_(detail::process_generation)
{
    if (how.depth > kRingEntriesMax)
        detail::refuse(fmt::format(
            "depth {} is above what a ring holds; give {} or less", how.depth, kRingEntriesMax));
    if (how.rings_max == 0)
        detail::refuse("rings_max 0: a poll queue without rings does nothing; give 1 or more");
    options_.role = role_of(device.info(), how);
    if (shared() && how.mode == poll_mode::hybrid)
        detail::refuse(
            "hybrid polling sleeps inside the kernel, and what the other rings of a shared queue "
            "hand in meanwhile would not be sent; poll without it, or give each ring a queue of "
            "its own");
    // Several threads then enter a kernel ring, or register buffers with it.
    how.rings_max = std::max(how.rings_max, shared() ? 2U : 1U);
    transport_ = device_->open_transport(how);
    options_.depth = report().depth;
    if (has_resident())
        resident_ = std::make_unique<resident_poller>(*this);
}

poll_queue::poll_queue(std::unique_ptr<transport> made, options how)
    : options_(how)
    , transport_(std::move(made))
    , process_(detail::process_generation)
{
    if (how.depth == 0)
        options_.depth = kDepthDefault;
    if (how.role == role_policy::automatic)
        options_.role = role_policy::lease;
    if (has_resident())
        resident_ = std::make_unique<resident_poller>(*this);
}

poll_queue::~poll_queue()
{
    if (detail::is_inherited(process_)) {
        // The resident's thread is the parent's: it can be neither joined nor detached here.
        static_cast<void>(resident_.release());
        return;
    }
    NGPOLL_ASSERT(rings_.empty(), "close every ring before its poll_queue is destroyed");
    resident_.reset();
    NGPOLL_ASSERT(transport_->in_flight() == 0, "a closed ring left a command in flight");
}

const poll_queue_report& poll_queue::report() const noexcept { return transport_->report(); }

ring_stats poll_queue::resident_stats() const noexcept
{
    return resident_ ? resident_->stats() : ring_stats{};
}

bool poll_queue::try_become_poller(const ring& who, taking how) noexcept
{
    if (has_resident() && !who.resident_)
        return false;
    if (!role_.try_take(who.tag(), who.thread_tag_, how, detail::now_ns))
        return false;
    if (!warned_)
        warn_if_unpolled(role_.leased_since_ns());
    return true;
}

void poll_queue::warn_if_unpolled(std::uint64_t since_ns) noexcept
{
    if (since_ns == 0 || transport_->in_flight() == 0)
        return;
    const std::uint64_t idle_ns = detail::now_ns() - since_ns;
    if (static_cast<std::int64_t>(idle_ns) < unpolled_ns_max_)
        return;
    warned_ = true;
    std::fprintf(stderr,
        "ngpoll: warning: for %.0f s nobody polled %s while %u commands were in flight; the driver "
        "gives up on a command after 30 s, so have a ring in poll() or wait()\n",
        static_cast<double>(idle_ns) * 1e-9,
        device_ ? device_->info().path.c_str() : "a poll queue", transport_->in_flight());
}

void poll_queue::end_polling(ring& who) noexcept
{
    if (options_.role == role_policy::give_up)
        who.wakes_.add(give_up_poller());
    else
        lease_poller(who);
}

void poll_queue::lease_poller(const ring& who) noexcept
{
    role_.lease(who.tag(), who.thread_tag_, detail::now_ns());
}

std::uint32_t poll_queue::wake_listed(ring* next) noexcept
{
    std::uint32_t woken = 0;
    while (next != nullptr) {
        ring& sleeping = *next;
        next = std::exchange(sleeping.found_.next_to_wake, nullptr);
        woken += static_cast<std::uint32_t>(sleeping.wake());
        // release: the last touch of a ring that may be about to close; pairs with leave_role().
        sleeping.found_.to_be_woken.store(false, std::memory_order_release);
    }
    return woken;
}

std::uint32_t poll_queue::give_up_poller() noexcept
{
    // There may be no next pass to wake them.
    const std::uint32_t woken = wake_listed(std::exchange(wake_late_, nullptr));
    role_.give_up(detail::now_ns());
    return woken + wake_successor();
}

std::uint32_t poll_queue::wake_successor() noexcept
{
    // The mutex keeps the rings from going. Nobody holds it for long, and nobody per I/O.
    const std::lock_guard lock(attach_mutex_);
    for (ring* const each : rings_)
        if (each->sleeper_.armed())
            return static_cast<std::uint32_t>(each->wake());
    return 0;
}

std::uint32_t poll_queue::wake_heir(const ring& heir) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    for (ring* const each : rings_) {
        if (each != &heir)
            continue;
        // Armed or not: one whose wake-up was put off has been counted down. But looked at first:
        // one that this does not find armed, and that arms now, sees the lease (R3).
        static_cast<void>(each->sleeper_.armed());
        return static_cast<std::uint32_t>(each->wake());
    }
    return 0;
}

std::uint32_t poll_queue::room_at_drive() const noexcept
{
    // Passes that find this much keep the poller busy: more in flight would only lie at the drive
    // finished, and cost what kPassSendMax tells. With less, the drive may want more to do.
    constexpr std::uint32_t kBusyFound = 8;
    if (found_lately_ < kLately * kBusyFound)
        return ring::kPassSendMax;
    const std::uint32_t in_flight = transport_->in_flight();
    return in_flight < ring::kPassSendMax ? ring::kPassSendMax - in_flight : 0;
}

bool poll_queue::has_work() const noexcept
{
    return transport_->in_flight() != 0 || !submissions_.empty(submissions_at_);
}

void poll_queue::claim_role(const ring& who) noexcept
{
    role_.claim();
    while (!role_.try_take(who.tag(), who.thread_tag_, taking::from_any, detail::now_ns))
        detail::nap();
    role_.end_claim();
}

std::uint32_t poll_queue::step_aside() noexcept
{
    const std::uint32_t woken = give_up_poller();
    while (role_.claimed())
        detail::nap();
    return woken;
}

void poll_queue::wait_for_pass_end() const noexcept
{
    const std::uint64_t pass = role_.pass_under_way();
    while (pass != role_.kNoPass && role_.pass_under_way() == pass)
        detail::nap();
}

std::uint32_t poll_queue::attach(ring& joining, std::uint32_t depth)
{
    const std::lock_guard lock(attach_mutex_);
    if (!shared() && first_thread_ != 0 && first_thread_ != joining.thread_tag_)
        detail::refuse(
            "a poll queue with rings_max 1 belongs to the thread of its first ring; make "
            "it with rings_max 2 or more, or a queue for each thread");
    if (rings_.size() == options_.rings_max)
        detail::fail(EBUSY,
            fmt::format("the poll queue was set up for {} ring(s) and has them; raise rings_max",
                options_.rings_max));
    const std::uint32_t left = options_.depth - depth_attached_;
    if (depth == 0) {
        const auto places = options_.rings_max - static_cast<std::uint32_t>(rings_.size());
        depth = std::clamp(left / places, 1U, kDepthDefault);
    }
    if (depth > left)
        detail::fail(EBUSY,
            fmt::format("the poll queue's depth is {}, {} of it taken: no room for a ring of depth "
                        "{}; raise poll_queue::options::depth or lower ring::options::depth",
                options_.depth, depth_attached_, depth));
    rings_.push_back(&joining);
    depth_attached_ += depth;
    return depth;
}

void poll_queue::bind(const ring& joined) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    first_thread_ = joined.thread_tag_;
}

void poll_queue::detach(ring& leaving, std::uint32_t depth) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    std::erase(rings_, &leaving);
    depth_attached_ -= depth;
}

} // namespace ngpoll
