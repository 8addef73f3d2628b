// SPDX-License-Identifier: MIT
#include "queue_state.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <sched.h>

#include <ngpoll/assert.hpp>
#include <ngpoll/ring_stats.hpp>

#include "clock.hpp"
#include "error.hpp"
#include "open_group.hpp"
#include "process.hpp"

namespace ngpoll::detail {

namespace {

/// IORING_MAX_ENTRIES: io_uring_setup refuses more submission entries than this.
constexpr std::uint32_t kRingEntriesMax = 32768;
/// The resident's number in poll_queue::describe(); rings count from 1.
constexpr std::uint64_t kResidentNumber = UINT64_MAX;

bool has_one_processor()
{
    cpu_set_t allowed;
    return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == 1;
}

/// The role policy of a polled queue.
role_policy role_of(const opened_namespace& device, const poll_queue::options& requested)
{
    if (requested.role == role_policy::resident)
        return requested.role;
    if (requested.rings_max > 1 && device.needs_resident())
        return role_policy::resident;
    if (requested.role == role_policy::waiter || requested.rings_max == 1 || device.info().emulated)
        return role_policy::waiter;
    // On one processor a resident would take it from the threads whose commands it polls for.
    return has_one_processor() ? role_policy::waiter : role_policy::resident;
}

std::string describe_group(const basic_group<native>& group, std::ptrdiff_t number)
{
    std::uint32_t fetches = 0, waiting = 0, asleep = 0;
    for (const auto* each = group.fetches.first(); each != nullptr; each = each->next) {
        fetches += each->is_posted() ? 1 : 0;
        // relaxed: a figure.
        waiting += each->waits.load(std::memory_order_relaxed) ? 1 : 0;
        asleep += each->sleep_state.missing() != 0 ? 1 : 0;
    }
    return fmt::format(
        "group {}: outstanding: {}; submitted and not taken: {}; {} fetches, {} wait "
        "for a batch, {} asleep{}\n",
        number, group.outstanding(), group.untaken(), fetches, waiting, asleep,
        group.is_closing() ? ", closes" : "");
}

} // namespace

queue_state::queue_state(
    std::shared_ptr<opened_namespace> device, const poll_queue::options& requested)
    : options_(requested)
    , device_(std::move(device))
    , process_(process_generation)
{
    if (requested.depth > kRingEntriesMax)
        refuse(fmt::format("depth {} is above what a ring holds; give {} or less", requested.depth,
            kRingEntriesMax));
    if (requested.rings_max == 0)
        refuse("rings_max 0: a poll queue without rings does nothing; give 1 or more");
    poll_queue::options below = requested;
    const bool is_shared = requested.rings_max > 1 || requested.role == role_policy::resident;
    if (is_shared && requested.mode == poll_mode::hybrid)
        refuse("hybrid polling sleeps inside the kernel, and requests of other rings would not be "
               "sent meanwhile; poll without it, or give each ring a queue of its own");
    // Several threads then enter a kernel ring, or register buffers with it.
    below.rings_max = std::max(requested.rings_max, is_shared ? 2U : 1U);
    opened_namespace::opened_queue opened = device_->open_queue(below);
    transport_ = std::move(opened.polled);
    interrupts_ = std::move(opened.by_interrupt);
    options_.depth = report().depth;
    // The mode in force decides; it may differ from the one that was asked for.
    if (is_by_interrupt()) {
        options_.role = role_policy::waiter;
        if (requested.role == role_policy::resident)
            interrupts_->decline(
                "resident: by interrupt each ring waits in the kernel, and no thread has to poll");
        return;
    }
    options_.role = role_of(*device_, requested);
    if (requested.role == role_policy::waiter && options_.role == role_policy::resident)
        transport_->decline("waiter: before Linux 7.0 a completion depends on the thread that sent "
                            "its command, so a resident sends and polls");
    if (is_shared)
        share();
}

queue_state::queue_state(std::shared_ptr<transport> made, const poll_queue::options& requested)
    : options_(requested)
    , transport_(std::move(made))
    , process_(process_generation)
{
    if (requested.depth == 0)
        options_.depth = kDepthDefault;
    if (requested.role == role_policy::automatic)
        options_.role = role_policy::waiter;
    if (requested.rings_max > 1 || has_resident())
        share();
}

queue_state::queue_state(
    std::shared_ptr<interrupt_rings> made, const poll_queue::options& requested)
    : options_(requested)
    , interrupts_(std::move(made))
    , process_(process_generation)
{
    options_.role = role_policy::waiter;
}

void queue_state::share()
{
    // Each ring has a depth of 1 or more.
    const std::uint32_t places = std::min(options_.rings_max, options_.depth);
    places_taken_.resize(places);
    polled_.emplace(*transport_);
    if (device_)
        polled_->path = device_->info().path.c_str();
    shared_.emplace(*polled_,
        shared_queue<native>::options{.rings_max = places, .has_resident = has_resident()});
    if (has_resident())
        resident_ = std::make_unique<resident_poller>(*shared_, *transport_, kResidentNumber);
}

queue_state::~queue_state()
{
    if (is_inherited()) {
        // The resident's thread belongs to the parent: it can be neither joined nor detached here.
        static_cast<void>(resident_.release());
        return;
    }
    NGPOLL_ASSERT(rings_ == 0, "close every ring before its poll_queue is destroyed");
    resident_.reset();
    NGPOLL_ASSERT(
        !transport_ || transport_->in_flight() == 0, "a closed ring left a command in flight");
}

bool queue_state::is_inherited() const noexcept { return detail::is_inherited(process_); }

ring_stats queue_state::resident_stats() const noexcept
{
    if (resident_)
        return resident_->stats();
    ring_stats all;
    const std::lock_guard lock(attach_mutex_);
    for (const auto& each : groups_)
        all += each->poller_stats();
    return all;
}

std::shared_ptr<transport> queue_state::transport_for(
    const interrupt_rings::ring_options& requested)
{
    return is_by_interrupt() ? interrupts_->open_ring(requested) : transport_;
}

queue_state::place queue_state::attach(std::uintptr_t thread, std::uint32_t depth)
{
    const std::lock_guard lock(attach_mutex_);
    if (!shared_ && options_.rings_max == 1 && first_thread_ != 0 && first_thread_ != thread)
        refuse("a poll queue with rings_max 1 belongs to the thread of its first ring; make it "
               "with rings_max 2 or more, or a queue for each thread");
    if (rings_ == options_.rings_max)
        fail(EBUSY,
            fmt::format(
                "the poll queue was set up for {} ring(s) and has that many; raise rings_max",
                options_.rings_max));
    const std::uint32_t left = options_.depth - depth_attached_;
    if (depth == 0)
        depth = std::clamp(left / (options_.rings_max - rings_), 1U, kDepthDefault);
    if (depth > left)
        fail(EBUSY,
            fmt::format("the poll queue's depth is {}, {} of it taken: no room for a ring of depth "
                        "{}; raise poll_queue::options::depth or lower ring::options::depth",
                options_.depth, depth_attached_, depth));
    place given{.depth = depth, .number = 1};
    if (shared_) {
        const auto at = std::find(places_taken_.begin(), places_taken_.end(), false);
        const auto index = static_cast<std::size_t>(at - places_taken_.begin());
        *at = true;
        given.in = &shared_->inboxes()[index];
        given.number = index + 1;
    }
    ++rings_;
    depth_attached_ += depth;
    return given;
}

void queue_state::bind(std::uintptr_t thread) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    first_thread_ = thread;
}

void queue_state::detach(const place& left) noexcept
{
    const std::lock_guard lock(attach_mutex_);
    if (shared_)
        places_taken_[left.number - 1] = false;
    --rings_;
    depth_attached_ -= left.depth;
}

std::shared_ptr<open_group> queue_state::group_for(const place& given)
{
    const std::lock_guard lock(attach_mutex_);
    auto unused = std::find_if(groups_.begin(), groups_.end(),
        [](const std::shared_ptr<open_group>& each) { return each.use_count() == 1; });
    if (unused == groups_.end())
        unused = groups_.insert(unused, std::make_shared<open_group>());
    if (is_by_interrupt())
        (*unused)->reopen(*interrupts_, given.depth, given.number);
    else
        (*unused)->reopen(
            *shared_, given.depth, *given.in, given.number, transport_->any_threads_seat());
    return *unused;
}

std::string queue_state::describe()
{
    if (is_by_interrupt()) {
        const std::lock_guard lock(attach_mutex_);
        std::string text = fmt::format(
            "by interrupt, each ring by itself; rings and groups attached: {}\n", rings_);
        for (const auto& each : groups_)
            text += describe_group(each->state, &each - groups_.data() + 1);
        return text;
    }
    if (!shared_)
        return fmt::format("one ring at a time; rings attached: {}\n", rings_);
    // Each figure is exact by itself; one may be older than the other.
    const auto beyond
        = [](std::uint64_t more, std::uint64_t less) { return more > less ? more - less : 0; };
    std::uint64_t pushed = 0;
    std::string rings;
    for (inbox& each : shared_->inboxes()) {
        const std::uint32_t missing = each.sleep_state.missing();
        pushed += each.pushed.get();
        // acquire: reads the group as it was set up.
        if (const auto* const group = each.group.load(std::memory_order_acquire)) {
            pushed += group->accepted();
            rings += describe_group(*group, &each - shared_->inboxes().data() + 1);
            continue;
        }
        rings += fmt::format("ring {}: handed over and not finished: {}; {}{}{}\n",
            &each - shared_->inboxes().data() + 1,
            beyond(each.handed_over.get(), each.drained.get()),
            missing == 0 ? std::string("awake") : fmt::format("sleeps on {}", missing),
            each.sleep_state.is_untouched() ? "" : ", is owed a wake-up",
            // relaxed: a figure.
            each.closing.load(std::memory_order_relaxed) ? ", closes" : "");
    }
    const std::uint64_t holder = shared_->who_polls().polling.holder();
    return fmt::format("role: {}{}\nqueued: {}; in flight: {}\n{}",
        holder == 0                     ? std::string("free")
            : holder == kResidentNumber ? std::string("the resident's")
                                        : fmt::format("ring {}'s", holder),
        shared_->its_resident.is_asleep() ? ", asleep" : "",
        beyond(pushed, shared_->who_polls().polling.popped()),
        beyond(polled_->sent.get(), polled_->found.get()), rings);
}

// ---- polled_drive

void polled_drive::pass(
    std::span<request* const> to_send, found_batch<native>& completions, pass_context& by) noexcept
{
    completion_batch batch(completions);
    const transport::pass_result did = below_.pass(to_send, batch, by.seat, 0);
    unpolled_since_ns_ = 0;
    completions.add_found(batch.found());
    by.count_pass({.sent = did.sent,
        .system_calls = did.system_calls,
        .found = batch.found(),
        .finished_inline = completions.finished_inline()});
    sent.add(to_send.size());
    found.add(batch.found());
}

void polled_drive::send(std::span<request* const> to_send, pass_context& by) noexcept
{
    const transport::pass_result did = below_.send(to_send, by.seat);
    by.system_calls.add(did.system_calls);
    by.sent.add(did.sent);
    sent.add(to_send.size());
}

bool polled_drive::arm_event(pass_context& by) noexcept
{
    by.system_calls.add(1);
    return below_.arm_event(by.seat);
}

void polled_drive::warn_if_unpolled() noexcept
{
    const std::uint64_t idle_ns = now_ns() - unpolled_since_ns_;
    if (warned_ || static_cast<std::int64_t>(idle_ns) < unpolled_ns_max)
        return;
    warned_ = true;
    std::fprintf(stderr,
        "ngpoll: warning: for %.0f s nobody polled %s while %u commands were in flight; the driver "
        "gives up on a command after 30 s, so have a ring in poll() or wait()\n",
        static_cast<double>(idle_ns) * 1e-9, path, in_flight());
}

} // namespace ngpoll::detail
