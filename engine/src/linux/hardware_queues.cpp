// SPDX-License-Identifier: MIT
#include <ngpoll/hardware_queues.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;
using number_list = std::vector<std::uint32_t>;

template <class... Arguments>
hardware_queue_map unknown(fmt::format_string<Arguments...> why, Arguments&&... arguments)
{
    hardware_queue_map map;
    map.unknown = fmt::format(why, std::forward<Arguments>(arguments)...);
    return map;
}

/// Reads the map from debugfs, which names each queue's kind. Nothing where it cannot be read.
std::optional<hardware_queue_map> from_debugfs(const fs::path& block)
{
    const number_list indexes = numbered_in(block.string(), "hctx");
    if (indexes.empty())
        return std::nullopt;
    hardware_queue_map map;
    for (const std::uint32_t index : indexes) {
        const fs::path folder = block / fmt::format("hctx{}", index);
        const auto type = read_value<std::string>(folder / "type");
        if (!type)
            return std::nullopt;
        // A queue without processors gets no commands.
        if (number_list cpus = numbered_in(folder.string(), "cpu");
            *type == "poll" && !cpus.empty())
            map.poll_queues.push_back({.index = index, .cpus = std::move(cpus)});
    }
    return map;
}

/// Reads "0, 1, 2", as the kernel writes cpu_list; nothing for any other text.
std::optional<number_list> read_cpu_list(const fs::path& path)
{
    std::ifstream file(path);
    if (!file)
        return std::nullopt;
    number_list cpus;
    for (std::string word; file >> word;) {
        if (word.ends_with(','))
            word.pop_back();
        const auto cpu = number_in(word);
        if (!cpu)
            return std::nullopt;
        cpus.push_back(*cpu);
    }
    std::sort(cpus.begin(), cpus.end());
    return cpus;
}

/// Whether the last `count` of `queues` may be the poll queues. They must hold each processor once,
/// and the queues before them each processor at least once. No other count fits, if empty queues do
/// not count. The module's parameter may have changed since the driver made its queues.
bool are_poll_queues(const std::vector<hardware_poll_queue>& queues, std::size_t count)
{
    if (count >= queues.size())
        return false;
    // for each processor: how often it is before the poll queues, and among them
    std::map<std::uint32_t, std::pair<int, int>> times;
    for (std::size_t i = 0; i < queues.size(); ++i)
        for (const std::uint32_t cpu : queues[i].cpus)
            ++(i < queues.size() - count ? times[cpu].first : times[cpu].second);
    return std::all_of(times.begin(), times.end(),
        [](const auto& of_cpu) { return of_cpu.second.first >= 1 && of_cpu.second.second == 1; });
}

/// Sysfs lists all queues of a drive, the poll queues last, but does not say how many poll queues
/// there are.
hardware_queue_map from_sysfs(const fs::path& block, const fs::path& parameter)
{
    const auto polls = read_value<int>(block / "queue/io_poll");
    if (polls == 0)
        return {};
    std::vector<hardware_poll_queue> queues;
    for (const std::uint32_t index : numbered_in((block / "mq").string(), "")) {
        auto cpus = read_cpu_list(block / fmt::format("mq/{}/cpu_list", index));
        if (!cpus)
            return unknown("{}/mq cannot be read", block.string());
        queues.push_back({.index = index, .cpus = std::move(*cpus)});
    }
    if (!polls || queues.empty())
        return unknown("neither debugfs nor {} lists them", block.string());
    const auto count = read_value<std::size_t>(parameter);
    if (!count)
        return unknown("neither debugfs nor {} can be read", parameter.string());
    if (!are_poll_queues(queues, *count))
        return unknown("debugfs cannot be read, and {}, {}, is not what {}/mq shows",
            parameter.string(), *count, block.string());
    queues.erase(queues.begin(), queues.end() - static_cast<std::ptrdiff_t>(*count));
    std::erase_if(queues, [](const hardware_poll_queue& queue) { return queue.cpus.empty(); });
    return {.poll_queues = std::move(queues), .unknown = {}};
}

} // namespace

hardware_queue_map read_hardware_queues(std::string_view path, const std::string& root)
{
    const std::string name = block_name(path, root);
    if (name.empty())
        return unknown("{} is not called ngXnY", path);
    const fs::path blocks = fs::path(root) / "sys/block";
    const std::vector<std::string> found = paths_of(name, root);
    if (found.empty())
        return unknown("{} has no queues of {}", blocks.string(), name);
    if (found.size() > 1)
        return unknown("{} has {} paths", path, found.size());
    return read_block_queues(found.front(), root);
}

hardware_queue_map read_block_queues(const std::string& block_device, const std::string& root)
{
    const fs::path sys = fs::path(root) / "sys";
    if (auto map = from_debugfs(sys / "kernel/debug/block" / block_device))
        return *map;
    return from_sysfs(sys / "block" / block_device, sys / "module/nvme/parameters/poll_queues");
}

} // namespace ngpoll
