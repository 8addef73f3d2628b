// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/processors.hpp>

#include "../size_text.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::uint64_t kMemlockBytesLeast = 8U << 20U; ///< four threads with 128 buffers of 16 KiB
constexpr std::uint32_t kIdleExitUsMost = 20; ///< a fast drive answers a read in this time

bool is_at_least(const kernel_number& kernel, unsigned major, unsigned minor)
{
    return kernel.major > major || (kernel.major == major && kernel.minor >= minor);
}

diagnosis check_kernel(const examined_system& all)
{
    const machine_info& host = all.host;
    if (host.kernel.major == 0)
        return {check_state::unknown, "its version cannot be read", {}};
    if (is_at_least(host.kernel, 6, 1))
        return {check_state::ok, "Linux " + host.kernel_release, {}};
    if (host.kernel_has_backports)
        return {check_state::unknown,
            fmt::format("Linux {}, with changes of newer versions", host.kernel_release), {}};
    return {check_state::slow, "Linux " + host.kernel_release,
        "install Linux 6.1 or newer, better 7.0"};
}

diagnosis check_poll_queues_parameter(const examined_system& all)
{
    const auto& queues = all.host.poll_queues;
    if (!queues)
        return {check_state::unknown, "the nvme module is not loaded", {}};
    if (*queues != 0)
        return {check_state::ok, fmt::format("nvme.poll_queues is {}", *queues), {}};
    return {check_state::slow, "nvme.poll_queues is 0",
        "echo options nvme poll_queues=2 > /etc/modprobe.d/nvme-poll.conf && update-initramfs -u "
        "&& reboot (or boot with nvme.poll_queues=2)"};
}

diagnosis check_io_uring_disabled(const examined_system& all)
{
    const auto& value = all.host.io_uring_disabled;
    if (!value)
        return {check_state::ok, "this kernel has no such switch", {}};
    std::string found = fmt::format("kernel.io_uring_disabled is {}", *value);
    const bool spared = *value == 1 && all.host.has_sys_admin == true;
    if (*value == 0 || spared)
        return {check_state::ok, std::move(found), {}};
    return {check_state::slow, std::move(found), "sysctl kernel.io_uring_disabled=0"};
}

diagnosis check_capabilities(const examined_system& all)
{
    const machine_info& host = all.host;
    if (!host.has_sys_admin)
        return {check_state::unknown, "/proc/self/status cannot be read", {}};
    if (*host.has_sys_admin)
        return {check_state::ok, "this process has CAP_SYS_ADMIN", {}};
    if (!is_at_least(host.kernel, 6, 2) && !host.kernel_has_backports)
        return {check_state::slow, "no CAP_SYS_ADMIN, and Linux before 6.2 asks for it",
            "run as root, or use Linux 6.2 or newer"};
    if (all.drives.empty())
        return {
            check_state::unknown, "no CAP_SYS_ADMIN; give a DEVICE to see if it may be read", {}};
    std::vector<std::string> closed;
    for (const examined_drive& each : all.drives)
        if (!each.readable)
            closed.push_back(each.found.path);
    if (closed.empty())
        return {check_state::ok, "no CAP_SYS_ADMIN, and read permission is enough", {}};
    return {check_state::slow,
        fmt::format("no CAP_SYS_ADMIN and no read permission for {}", fmt::join(closed, ", ")),
        fmt::format("chmod a+r {}", fmt::join(closed, " "))};
}

diagnosis check_memlock(const examined_system& all)
{
    const machine_info& host = all.host;
    if (host.has_ipc_lock == true)
        return {check_state::ok, "no limit for a process with CAP_IPC_LOCK", {}};
    if (host.memlock_unlimited)
        return {check_state::ok, "unlimited", {}};
    if (!host.memlock_bytes)
        return {check_state::unknown, "/proc/self/limits cannot be read", {}};
    std::string found = size_text(*host.memlock_bytes);
    if (*host.memlock_bytes >= kMemlockBytesLeast)
        return {check_state::ok, std::move(found), {}};
    return {check_state::slow, std::move(found),
        "echo '* - memlock unlimited' > /etc/security/limits.d/memlock.conf and log in again"};
}

diagnosis check_huge_pages(const examined_system& all)
{
    const auto& pages = all.host.huge_pages_free;
    if (!pages)
        return {check_state::unknown, "this kernel has no pages of 2 MiB", {}};
    if (*pages != 0)
        return {check_state::ok, fmt::format("{} free pages of 2 MiB", *pages), {}};
    return {check_state::slow, "no free page of 2 MiB", "sysctl vm.nr_hugepages=64"};
}

diagnosis check_governor(const examined_system& all)
{
    const auto& governors = all.host.governors;
    if (governors.empty())
        return {check_state::unknown,
            "Linux does not set the clock of these processors; the firmware or the host does", {}};
    std::vector<std::string> found;
    for (const auto& [name, cpus] : governors)
        found.push_back(fmt::format("{} on cpus {}", name, ranges_text(cpus)));
    std::string text = fmt::format("{}", fmt::join(found, ", "));
    if (governors.size() == 1 && governors.begin()->first == "performance")
        return {check_state::ok, std::move(text), {}};
    return {check_state::slow, std::move(text), "cpupower frequency-set -g performance"};
}

diagnosis check_idle_states(const examined_system& all)
{
    const auto& states = all.host.idle_states;
    if (states.empty())
        return {check_state::unknown, "Linux does not choose idle states here", {}};
    std::vector<std::string> deep;
    for (const idle_state& each : states)
        if (each.enabled && each.exit_us > kIdleExitUsMost)
            deep.push_back(fmt::format("{} ({} us)", each.name, each.exit_us));
    if (deep.empty())
        return {check_state::ok,
            fmt::format("none in use takes more than {} us to leave", kIdleExitUsMost), {}};
    return {check_state::slow, fmt::format("in use: {}", fmt::join(deep, ", ")),
        fmt::format("cpupower idle-set -D {}", kIdleExitUsMost)};
}

struct machine_check {
    const char* name;
    diagnosis (*look)(const examined_system&);
    const char* why;
};

constexpr machine_check kMachineChecks[] = {
    {"kernel", check_kernel, "Linux 6.1 is the first version that polls passthrough."},
    {"poll_queues_parameter", check_poll_queues_parameter,
        "Without poll queues the drive reports completions by interrupt, and a ring polls for "
        "for nothing."},
    {"io_uring_disabled", check_io_uring_disabled,
        "Where it is 2, nobody may use io_uring; where it is 1, only privileged processes may."},
    {"capabilities", check_capabilities,
        "Passthrough needs CAP_SYS_ADMIN, or since Linux 6.2 read permission for the drive."},
    {"memlock", check_memlock,
        "Registered buffers count against the limit on locked memory (ulimit -l); without room for "
        "them ngpoll does not start."},
    {"huge_pages", check_huge_pages,
        "Buffers that take 2 MiB or more in all use huge pages. On small pages each I/O maps more "
        "pages."},
    {"governor", check_governor,
        "A processor below its full clock polls and submits more slowly, and figures drift."},
    {"idle_states", check_idle_states,
        "A thread that sleeps until its I/O is done waits for its processor to leave a deep idle "
        "state."},
};

} // namespace

std::vector<check> check_machine(const examined_system& all)
{
    std::vector<check> checks;
    for (const machine_check& each : kMachineChecks)
        checks.push_back(
            {.name = each.name, .device = {}, .told = each.look(all), .why = each.why});
    return checks;
}

} // namespace ngpoll::cli
