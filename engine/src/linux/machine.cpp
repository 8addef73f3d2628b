// SPDX-License-Identifier: MIT
#include <ngpoll/machine.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <linux/capability.h>

#include "sysfs.hpp"

namespace ngpoll {

namespace {

namespace fs = std::filesystem;

/// Removes a number from the front of `text`. With `after` the number must follow this character,
/// which is removed, too. Returns nothing where no number is.
std::optional<unsigned> take_number(std::string_view& text, char after = '\0')
{
    std::string_view rest = text;
    if (after != '\0') {
        if (!rest.starts_with(after))
            return std::nullopt;
        rest.remove_prefix(1);
    }
    unsigned value = 0;
    const auto [stopped, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{})
        return std::nullopt;
    text = rest.substr(static_cast<std::size_t>(stopped - rest.data()));
    return value;
}

kernel_number kernel_number_of(std::string_view release, std::string_view version)
{
    kernel_number number;
    number.major = take_number(release).value_or(0);
    number.minor = take_number(release, '.').value_or(0);
    number.patch = take_number(release, '.');
    // In "6.1.0-40-amd64" the last number is that of the distribution's ABI. Debian shows Linux's
    // number in the version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1 (2025-09-20)".
    if (number.patch != 0U || !release.starts_with('-'))
        return number;
    number.patch.reset();
    constexpr std::string_view kDebian = " Debian ";
    const auto at = version.find(kDebian);
    if (at == std::string_view::npos)
        return number;
    version.remove_prefix(at + kDebian.size());
    const auto major = take_number(version);
    const auto minor = take_number(version, '.');
    if (major == number.major && minor == number.minor)
        number.patch = take_number(version, '.');
    return number;
}

/// The text behind "`name`:" in /proc/self/status.
std::string status_word(const fs::path& proc, std::string_view name)
{
    std::ifstream file(proc / "self/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name) && line.substr(name.size()).starts_with(":\t"))
            return line.substr(name.size() + 2);
    return {};
}

void read_rights(const fs::path& proc, machine_info& found)
{
    if (const std::string held = status_word(proc, "CapEff"); !held.empty()) {
        const std::uint64_t mask = std::strtoull(held.c_str(), nullptr, 16);
        found.has_sys_admin = (mask >> CAP_SYS_ADMIN & 1U) != 0;
        found.has_ipc_lock = (mask >> CAP_IPC_LOCK & 1U) != 0;
    }
    constexpr std::string_view kLimit = "Max locked memory";
    std::ifstream file(proc / "self/limits");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(kLimit))
            continue;
        std::istringstream words(line.substr(kLimit.size()));
        std::string soft;
        words >> soft;
        found.memlock_unlimited = soft == "unlimited";
        if (!found.memlock_unlimited)
            found.memlock_bytes = std::strtoull(soft.c_str(), nullptr, 10);
    }
}

void read_processors(const fs::path& system, machine_info& found)
{
    const fs::path cpus = system / "cpu";
    std::map<std::string, idle_state> states;
    for (const std::uint32_t cpu : numbered_in(cpus.string(), "cpu")) {
        const fs::path folder = cpus / ("cpu" + std::to_string(cpu));
        const std::string governor = read_line((folder / "cpufreq/scaling_governor").string());
        if (!governor.empty())
            found.governors[governor].push_back(cpu);
        for (const std::uint32_t state : numbered_in((folder / "cpuidle").string(), "state")) {
            const fs::path at = folder / "cpuidle" / ("state" + std::to_string(state));
            const std::string name = read_line((at / "name").string());
            idle_state& known = states.try_emplace(name, idle_state{name, 0, false}).first->second;
            known.exit_us = std::max(
                known.exit_us, read_value<std::uint32_t>((at / "latency").string()).value_or(0));
            known.enabled = known.enabled || read_value<int>((at / "disable").string()) == 0;
        }
    }
    for (auto& [name, state] : states)
        found.idle_states.push_back(std::move(state));
    for (const std::uint32_t node : numbered_in((system / "node").string(), "node"))
        found.node_cpus[node] = numbers_of_ranges(
            read_line((system / "node" / ("node" + std::to_string(node)) / "cpulist").string()));
}

} // namespace

machine_info read_machine(const std::string& root)
{
    const fs::path proc = fs::path(root) / "proc";
    const fs::path sys = fs::path(root) / "sys";
    const fs::path kernel = proc / "sys/kernel";
    machine_info found;
    found.kernel_release = read_line((kernel / "osrelease").string());
    found.kernel = kernel_number_of(found.kernel_release, read_line((kernel / "version").string()));
    found.kernel_has_backports = found.kernel_release.find(".el") != std::string::npos;
    found.poll_queues
        = read_value<std::uint32_t>((sys / "module/nvme/parameters/poll_queues").string());
    found.io_uring_disabled = read_value<std::uint32_t>((kernel / "io_uring_disabled").string());
    found.huge_pages_free = read_value<std::uint64_t>(
        (sys / "kernel/mm/hugepages/hugepages-2048kB/free_hugepages").string());
    found.allowed_cpus = numbers_of_ranges(status_word(proc, "Cpus_allowed_list"));
    read_rights(proc, found);
    read_processors(sys / "devices/system", found);
    return found;
}

} // namespace ngpoll
