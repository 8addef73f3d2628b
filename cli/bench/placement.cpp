// SPDX-License-Identifier: MIT
#include "placement.hpp"

#include <charconv>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

std::vector<std::uint32_t> common(
    std::span<const std::uint32_t> a, std::span<const std::uint32_t> b)
{
    std::vector<std::uint32_t> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return both;
}

/// The drive's poll queues that this process reaches. Adds a note for each of the others.
std::vector<hardware_poll_queue> reachable(const hardware_queue_map& map,
    std::span<const std::uint32_t> allowed, std::vector<std::string>& notes)
{
    std::vector<hardware_poll_queue> found;
    for (const hardware_poll_queue& queue : map.poll_queues) {
        std::vector<std::uint32_t> both = common(queue.cpus, allowed);
        if (both.empty())
            notes.push_back(
                fmt::format("poll queue hctx{} is left out: this process may use none of its cpus, "
                            "{}",
                    queue.index, ranges_text(queue.cpus)));
        else
            found.push_back({.index = queue.index, .cpus = std::move(both)});
    }
    return found;
}

/// Deals `count` threads or poll queues out to the hardware queues, so that each processor gets as
/// few as possible. Among equal hardware queues, one with a processor in `near` comes first.
/// Returns the hardware queue of each thread or poll queue.
std::vector<std::size_t> spread(std::uint32_t count,
    const std::vector<hardware_poll_queue>& hardware, std::span<const std::uint32_t> near)
{
    std::vector<std::size_t> dealt(hardware.size());
    std::vector<bool> is_near;
    for (const hardware_poll_queue& queue : hardware)
        is_near.push_back(!common(queue.cpus, near).empty());
    std::vector<std::size_t> places;
    while (places.size() < count) {
        std::size_t best = 0;
        for (std::size_t h = 1; h < hardware.size(); ++h) {
            // Compare (dealt + 1) / processors without dividing. Among equals take the one that was
            // dealt fewer.
            const std::size_t here = (dealt[h] + 1) * hardware[best].cpus.size();
            const std::size_t there = (dealt[best] + 1) * hardware[h].cpus.size();
            if (here != there                 ? here < there
                    : dealt[h] != dealt[best] ? dealt[h] < dealt[best]
                                              : is_near[h] && !is_near[best])
                best = h;
        }
        ++dealt[best];
        places.push_back(best);
    }
    return places;
}

/// Makes a poll queue for each hardware queue that got a thread.
void share_by_hardware(placement& made, std::uint32_t threads, std::span<const std::uint32_t> near)
{
    constexpr std::uint32_t kNone = ~0U;
    std::vector<std::uint32_t> queue_of(made.hardware.size(), kNone);
    made.queues = 0;
    for (const std::size_t at : spread(threads, made.hardware, near)) {
        if (queue_of[at] == kNone)
            queue_of[at] = made.queues++;
        made.seats.push_back({.queue = queue_of[at], .hardware = at});
    }
}

/// Keeps threads to the drive's NUMA node, if they do not keep to a poll queue of the drive.
void keep_to_node(placement& made, const placement_bounds& bounds)
{
    const bool all_are_placed = std::all_of(made.seats.begin(), made.seats.end(),
        [](const placement::seat& seat) { return seat.hardware.has_value(); });
    if (!bounds.node || bounds.node_cpus.empty() || all_are_placed)
        return;
    std::vector<std::uint32_t> both = common(bounds.node_cpus, bounds.allowed);
    if (both.empty()) {
        made.notes.push_back(
            fmt::format("threads are not on the drive's NUMA node {}: this process may use none "
                        "of its cpus, {}",
                *bounds.node, ranges_text(bounds.node_cpus)));
        return;
    }
    made.node = bounds.node;
    made.node_cpus = std::move(both);
}

} // namespace

queue_choice queue_choice::parse(std::string_view option, std::string_view word)
{
    if (word == "auto" || word == "shared")
        return {.what = kind::automatic, .count = 0, .word = std::string(word)};
    if (word == "private")
        return {.what = kind::own, .count = 0, .word = std::string(word)};
    if (option == "--compare" && (word == "rings" || word == "workers"))
        return {.what = word == "rings" ? kind::rings : kind::workers,
            .count = 1,
            .word = std::string(word)};
    std::uint32_t count = 0;
    const char* const end = word.data() + word.size();
    const auto [stopped, error] = std::from_chars(word.data(), end, count);
    if (error != std::errc{} || stopped != end || count == 0)
        throw std::invalid_argument(
            fmt::format("{} {}: give a number of poll queues, 1 or more, 'private', or 'auto' "
                        "(also called 'shared')",
                option, word));
    return {.what = kind::counted, .count = count, .word = std::string(word)};
}

placement lay_out(const queue_choice& choice, std::uint32_t threads, const placement_bounds& bounds)
{
    const hardware_queue_map& map = bounds.map;
    placement made;
    made.hardware = reachable(map, bounds.allowed, made.notes);
    const bool automatic = choice.what == queue_choice::kind::automatic;
    const bool own = choice.what == queue_choice::kind::own;
    const std::size_t several = made.hardware.size();
    if (automatic && several > 1 && bounds.queues_max != 1) {
        share_by_hardware(made, threads, bounds.node_cpus);
        return made;
    }
    made.queues = automatic ? 1 : own ? threads : std::min(choice.count, threads);
    if (choice.what == queue_choice::kind::rings || choice.what == queue_choice::kind::workers)
        made.rings_least = 2; // the queue is a shared one even for a single thread

    // With fewer poll queues than the drive has, and threads on the processors of all, some poll
    // queue must span several of the drive's.
    const bool spans = made.queues < several && made.queues < threads;
    std::vector<std::size_t> places;
    if (several > 1 && !spans)
        places = spread(made.queues, made.hardware, bounds.node_cpus);
    for (std::uint32_t t = 0; t < threads; ++t) {
        const std::uint32_t queue = t % made.queues;
        made.seats.push_back({.queue = queue, .hardware = std::nullopt});
        if (!places.empty())
            made.seats.back().hardware = places[queue];
    }
    if (choice.what == queue_choice::kind::counted && choice.count > threads)
        made.notes.push_back(fmt::format("{} poll queue{}, not {}: each needs a thread (-n)",
            made.queues, made.queues == 1 ? "" : "s", choice.count));
    keep_to_node(made, bounds);
    const char* const unkept = made.node ? "threads keep to no poll queue's processors"
                                         : "threads keep to no processors";
    if (spans)
        made.notes.push_back(fmt::format("{}: {} poll queue{} must span the drive's {}", unkept,
            made.queues, made.queues == 1 ? "" : "s", several));
    if (spans && automatic)
        made.notes.emplace_back("one poll queue for all threads: this kernel allows no more");
    if (threads > 1 && !map.unknown.empty())
        made.notes.push_back(
            fmt::format("{}: which processors the drive's poll queues serve is not known: {}",
                automatic ? "one poll queue for all threads" : unkept, map.unknown));
    if (several == 0 && !map.poll_queues.empty() && automatic && threads > 1)
        made.notes.emplace_back(
            "one poll queue for all threads: this process reaches none of the drive's");
    return made;
}

} // namespace ngpoll::cli
