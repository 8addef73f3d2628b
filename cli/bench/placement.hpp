// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ngpoll/hardware_queues.hpp>

namespace ngpoll::cli {

/// How many poll queues the threads of a run get: the value of --queues, or of a part of --compare.
struct queue_choice {
    enum class kind : std::uint8_t {
        automatic, ///< "auto" or "shared": one for each of the drive's that is in use
        own, ///< "private": one for each thread
        counted, ///< a number
        rings, ///< "rings": one that several could share, to stand beside workers
        workers, ///< "workers": the same one with a group on it
    };

    kind what = kind::automatic;
    std::uint32_t count = 0; ///< of `counted`
    std::string word; ///< as it was given

    /// Throws std::invalid_argument with one line that begins with `option`. "rings" and "workers"
    /// are for --compare alone.
    [[nodiscard]] static queue_choice parse(std::string_view option, std::string_view word);
};

/// Which poll queue each thread of a run is on, and which processors it keeps to.
struct placement {
    struct seat {
        std::uint32_t queue = 0; ///< < queues
        /// In `hardware`; none: on the processors of the drive's NUMA node, or on any.
        std::optional<std::size_t> hardware;
    };

    std::uint32_t queues = 1;
    std::uint32_t rings_least = 1; ///< a poll queue's rings_max is that or more
    std::vector<seat> seats; ///< one a thread
    /// The drive's poll queues that this process reaches, with those of their processors it may
    /// use.
    std::vector<hardware_poll_queue> hardware;
    /// The drive's NUMA node, where threads that have no poll queue of the drive keep to it.
    std::optional<std::uint32_t> node;
    std::vector<std::uint32_t> node_cpus; ///< those of its processors that this process may use
    std::vector<std::string> notes; ///< what is not as one might think, a line each

    [[nodiscard]] std::uint32_t threads_on(std::uint32_t queue) const
    {
        return static_cast<std::uint32_t>(std::count_if(
            seats.begin(), seats.end(), [&](const seat& s) { return s.queue == queue; }));
    }
    /// Processors the threads of poll queue `queue` keep to; empty: any.
    [[nodiscard]] std::span<const std::uint32_t> cpus_of_queue(std::uint32_t queue) const
    {
        const auto first = std::find_if(
            seats.begin(), seats.end(), [&](const seat& s) { return s.queue == queue; });
        return cpus_of(static_cast<std::uint32_t>(first - seats.begin()));
    }
    /// The drive's poll queue that poll queue `queue` is for; nothing: its threads keep to none.
    [[nodiscard]] std::optional<std::uint32_t> hardware_of_queue(std::uint32_t queue) const
    {
        for (const seat& s : seats)
            if (s.queue == queue && s.hardware)
                return hardware[*s.hardware].index;
        return std::nullopt;
    }
    /// Processors thread `index` keeps to; empty: any.
    [[nodiscard]] std::span<const std::uint32_t> cpus_of(std::uint32_t index) const
    {
        const auto at = seats[index].hardware;
        return at ? hardware[*at].cpus : node_cpus;
    }
};

/// What a layout has to fit.
struct placement_bounds {
    hardware_queue_map map; ///< empty where nothing is polled
    std::vector<std::uint32_t> allowed; ///< the processors this process may use, ascending
    std::uint32_t queues_max = 0; ///< poll queues the kernel bears on one drive; 0: any number
    std::optional<std::uint32_t> node{}; ///< the drive's NUMA node; nothing: threads keep to none
    std::vector<std::uint32_t> node_cpus{}; ///< that node's processors, ascending
};

/// Spreads `threads` over poll queues. A command goes to the drive's poll queue that its sender's
/// processor has, so where the drive has several, a thread keeps to the processors of one: else
/// one kernel ring would come to span several. Of poll queues that are as good, those with
/// processors of the drive's NUMA node come first. Threads that keep to no poll queue's processors
/// keep to the node's.
[[nodiscard]] placement lay_out(
    const queue_choice& choice, std::uint32_t threads, const placement_bounds& bounds);

} // namespace ngpoll::cli
