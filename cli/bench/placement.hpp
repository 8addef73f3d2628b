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
        automatic, ///< "auto" or "shared": one for each poll queue of the drive that is in use
        own, ///< "private": one for each thread
        counted, ///< a number
        rings, ///< "rings": one shared queue with rings, to be compared with workers
        workers, ///< "workers": one shared queue with a group
    };

    kind what = kind::automatic;
    std::uint32_t count = 0; ///< for `counted`
    std::string word; ///< as the user gave it

    /// Throws std::invalid_argument with one line that begins with `option`. "rings" and "workers"
    /// are for --compare alone.
    [[nodiscard]] static queue_choice parse(std::string_view option, std::string_view word);
};

/// Which poll queue each thread of a run is on, and which processors it keeps to.
struct placement {
    struct seat {
        std::uint32_t queue = 0; ///< < queues
        /// Index in `hardware`. Nothing: the thread is on the processors of the drive's NUMA node,
        /// or on any.
        std::optional<std::size_t> hardware;
    };

    std::uint32_t queues = 1;
    std::uint32_t rings_least = 1; ///< the least rings_max of a poll queue
    std::vector<seat> seats; ///< one a thread
    /// The drive's poll queues that this process reaches. Their lists of processors have only those
    /// that this process may use.
    std::vector<hardware_poll_queue> hardware;
    /// The drive's NUMA node, if threads keep to it: the threads without a poll queue of the drive.
    std::optional<std::uint32_t> node;
    std::vector<std::uint32_t> node_cpus; ///< the node's processors that this process may use
    std::vector<std::string> notes; ///< facts that may surprise the user, a line each

    [[nodiscard]] std::uint32_t threads_on(std::uint32_t queue) const
    {
        return static_cast<std::uint32_t>(std::count_if(
            seats.begin(), seats.end(), [&](const seat& s) { return s.queue == queue; }));
    }
    /// The processors to which the threads of poll queue `queue` keep; empty: any.
    [[nodiscard]] std::span<const std::uint32_t> cpus_of_queue(std::uint32_t queue) const
    {
        const auto first = std::find_if(
            seats.begin(), seats.end(), [&](const seat& s) { return s.queue == queue; });
        return cpus_of(static_cast<std::uint32_t>(first - seats.begin()));
    }
    /// The drive's poll queue to which the threads of poll queue `queue` keep; nothing: to none.
    [[nodiscard]] std::optional<std::uint32_t> hardware_of_queue(std::uint32_t queue) const
    {
        for (const seat& s : seats)
            if (s.queue == queue && s.hardware)
                return hardware[*s.hardware].index;
        return std::nullopt;
    }
    /// The processors to which thread `index` keeps; empty: any.
    [[nodiscard]] std::span<const std::uint32_t> cpus_of(std::uint32_t index) const
    {
        const auto at = seats[index].hardware;
        return at ? hardware[*at].cpus : node_cpus;
    }
};

/// The limits that a layout must respect.
struct placement_bounds {
    hardware_queue_map map; ///< empty if the run does not poll
    std::vector<std::uint32_t> allowed; ///< the processors this process may use, ascending
    std::uint32_t queues_max = 0; ///< poll queues the kernel allows on one drive; 0: any number
    std::optional<std::uint32_t> node{}; ///< the drive's NUMA node; nothing: threads keep to none
    std::vector<std::uint32_t> node_cpus{}; ///< that node's processors, ascending
};

/// Spreads `threads` over poll queues. The sender's processor decides to which of the drive's poll
/// queues a command goes. If the drive has several, each thread keeps to the processors of one.
/// Otherwise one kernel ring would span several of them. Among equal poll queues of the drive, one
/// with processors of the drive's NUMA node comes first. Threads that keep to none of them keep to
/// the node's processors.
[[nodiscard]] placement lay_out(
    const queue_choice& choice, std::uint32_t threads, const placement_bounds& bounds);

} // namespace ngpoll::cli
