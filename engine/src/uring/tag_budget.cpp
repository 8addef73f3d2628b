// SPDX-License-Identifier: MIT
#include "tag_budget.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "../error.hpp"
#include "../process.hpp"

namespace ngpoll {

namespace {

struct granted {
    std::uint64_t ticket;
    unsigned process; ///< a parent's grants do not count in a forked child
    tag_budget::claim what;
};

/// All grants of this process. Call it with process_mutex() held.
std::vector<granted>& all_granted() noexcept
{
    static auto& all = *new std::vector<granted>; // never destroyed, like the mutex
    return all;
}

/// The share of other queues in one hardware queue that the wanted queue may use.
struct usage {
    std::uint32_t same = 0; ///< depth of the queues on the wanted queue's namespace
    std::uint32_t other_most = 0; ///< depth on the other namespace that has the most
    std::uint32_t namespaces = 1; ///< number of namespaces, with the wanted queue's
};

/// The usage of `hardware_queue`; nothing: of a hardware queue that no queue named.
usage usage_of(std::optional<std::uint32_t> hardware_queue, const tag_budget::claim& wanted)
{
    std::vector<std::pair<std::string_view, std::uint32_t>> others;
    usage found;
    for (const granted& each : all_granted()) {
        const tag_budget::claim& has = each.what;
        if (each.process != detail::process_generation || has.controller != wanted.controller
            || (has.hardware_queue && has.hardware_queue != hardware_queue))
            continue;
        if (has.block == wanted.block) {
            found.same += has.depth;
            continue;
        }
        const auto at = std::find_if(others.begin(), others.end(),
            [&](const auto& other) { return other.first == has.block; });
        if (at == others.end())
            others.emplace_back(has.block, has.depth);
        else
            at->second += has.depth;
    }
    found.namespaces += static_cast<std::uint32_t>(others.size());
    for (const auto& other : others)
        found.other_most = std::max(found.other_most, other.second);
    return found;
}

/// The hardware queues that `wanted` may use, one for each set of other users.
std::set<std::optional<std::uint32_t>> used_by(const tag_budget::claim& wanted)
{
    if (wanted.hardware_queue)
        return {wanted.hardware_queue};
    std::set<std::optional<std::uint32_t>> all{std::nullopt};
    for (const granted& each : all_granted())
        if (each.what.controller == wanted.controller)
            all.insert(each.what.hardware_queue);
    return all;
}

[[noreturn]] void refuse_claim(
    const tag_budget::claim& wanted, const usage& use, std::uint32_t part)
{
    std::string limit = fmt::format("the {} tags of one hardware queue", wanted.tags);
    if (use.namespaces > 1)
        limit = fmt::format("the {} that the kernel gives each of this process's {} namespaces on "
                            "{}, of the {} tags of one hardware queue",
            part, use.namespaces, wanted.controller, wanted.tags);
    constexpr const char* kWayOut
        = "give lower depths, share one poll queue between the threads (fio: share_poll), or pin "
          "them to the processors of different hardware queues (hardware_queue)";
    if (use.other_most > part)
        detail::fail(EBUSY,
            fmt::format("{}: another namespace's polled queues have {} commands in flight, above "
                        "{}; {}",
                wanted.path, use.other_most, limit, kWayOut));
    detail::fail(EBUSY,
        fmt::format("{}: depth {} and the {} of this process's other polled queues make {}, above "
                    "{}; {}",
            wanted.path, wanted.depth, use.same, std::uint64_t{wanted.depth} + use.same, limit,
            kWayOut));
}

/// The depth that `wanted` gets. Throws if it gets none.
std::uint32_t depth_for(tag_budget::claim wanted)
{
    std::uint32_t left = wanted.default_depth;
    for (const auto& hardware_queue : used_by(wanted)) {
        const usage use = usage_of(hardware_queue, wanted);
        const std::uint32_t part = std::max(wanted.tags / use.namespaces, 1U);
        // A depth of 0 needs at least one tag.
        const std::uint64_t least = std::max(wanted.depth, 1U);
        if (use.other_most > part || use.same + least > part) {
            wanted.depth = static_cast<std::uint32_t>(least);
            refuse_claim(wanted, use, part);
        }
        left = std::min(left, part - use.same);
    }
    return wanted.depth != 0 ? wanted.depth : left;
}

} // namespace

tag_budget::tag_budget(const claim& wanted)
{
    static std::uint64_t tickets = 0;
    const std::lock_guard lock(detail::process_mutex());
    std::erase_if(all_granted(),
        [](const granted& each) { return each.process != detail::process_generation; });
    depth_ = depth_for(wanted);
    all_granted().push_back(
        {.ticket = tickets + 1, .process = detail::process_generation, .what = wanted});
    all_granted().back().what.depth = depth_;
    ticket_ = ++tickets;
}

tag_budget::tag_budget(tag_budget&& from) noexcept
    : ticket_(std::exchange(from.ticket_, 0))
    , depth_(from.depth_)
{
}

tag_budget& tag_budget::operator=(tag_budget&& from) noexcept
{
    std::swap(ticket_, from.ticket_);
    std::swap(depth_, from.depth_);
    return *this;
}

tag_budget::~tag_budget()
{
    if (ticket_ == 0)
        return;
    const std::lock_guard lock(detail::process_mutex());
    std::erase_if(all_granted(), [this](const granted& each) { return each.ticket == ticket_; });
}

} // namespace ngpoll
