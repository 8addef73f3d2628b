// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ngpoll/processors.hpp>

namespace ngpoll::cli {

namespace {

/// Applies `look` to each path and merges the results: the most severe state and every finding.
/// With several paths a finding begins with its path's name. A multipath node without a path is
/// unknown.
diagnosis of_paths(const examined_drive& drive,
    const std::function<diagnosis(const drive_path&, const path_settings&)>& look)
{
    const auto& paths = drive.found.paths;
    if (paths.empty())
        return {check_state::unknown, "the multipath node has no path", {}};
    diagnosis all{check_state::ok, {}, {}};
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const diagnosis one = look(paths[i], drive.settings[i]);
        all.state = std::max(all.state, one.state);
        if (i != 0)
            all.found += ", ";
        if (paths.size() > 1)
            all.found += paths[i].block_device + ": ";
        all.found += one.found;
        if (!all.fix.empty() && !one.fix.empty())
            all.fix += "; ";
        all.fix += one.fix;
    }
    return all;
}

/// Judges the number in `queue/NAME`: `good` is ok, any other is slow.
diagnosis of_number(const std::optional<std::uint32_t>& value, std::uint32_t good, const char* name,
    const std::string& block)
{
    if (!value)
        return {check_state::unknown, "sysfs does not say", {}};
    if (*value == good)
        return {check_state::ok, std::to_string(*value), {}};
    return {check_state::slow, std::to_string(*value),
        fmt::format("echo {} > /sys/block/{}/queue/{}", good, block, name)};
}

diagnosis check_poll_queues(const examined_system& all, const examined_drive& drive)
{
    return of_paths(drive, [&](const drive_path& path, const path_settings&) -> diagnosis {
        if (path.has_poll_queues == false) {
            const bool late = all.host.poll_queues.value_or(0) != 0;
            return {check_state::slow,
                late ? "none: the driver made its queues before it was given the parameter"
                     : "none",
                late ? "modprobe -r nvme && modprobe nvme (no file system of the drives may be "
                       "mounted)"
                     : "modprobe -r nvme && modprobe nvme poll_queues=2 (or boot with "
                       "nvme.poll_queues=2)"};
        }
        if (path.queues.unknown.empty() && path.has_poll_queues)
            return {check_state::ok, std::to_string(path.queues.poll_queues.size()), {}};
        if (path.has_poll_queues)
            return {check_state::ok, "some; only root can see how many", {}};
        return {check_state::unknown, "sysfs does not say", {}};
    });
}

bool may_use(const std::vector<std::uint32_t>& cpus, const machine_info& host)
{
    return std::any_of(cpus.begin(), cpus.end(), [&](std::uint32_t cpu) {
        return std::binary_search(host.allowed_cpus.begin(), host.allowed_cpus.end(), cpu);
    });
}

diagnosis check_poll_queue_processors(const examined_system& all, const examined_drive& drive)
{
    return of_paths(drive, [&](const drive_path& path, const path_settings&) -> diagnosis {
        if (path.has_poll_queues == false)
            return {check_state::unknown, "there is no poll queue", {}};
        if (!path.queues.unknown.empty())
            return {check_state::unknown, path.queues.unknown,
                "run as root, so that /sys/kernel/debug can be read"};
        std::vector<std::string> found;
        std::vector<std::uint32_t> lost;
        for (const hardware_poll_queue& queue : path.queues.poll_queues) {
            found.push_back(fmt::format("hctx{}: cpus {}", queue.index, ranges_text(queue.cpus)));
            if (!all.host.allowed_cpus.empty() && !may_use(queue.cpus, all.host))
                lost.insert(lost.end(), queue.cpus.begin(), queue.cpus.end());
        }
        std::string text = fmt::format("{}", fmt::join(found, ", "));
        if (lost.empty())
            return {check_state::ok, std::move(text), {}};
        std::sort(lost.begin(), lost.end());
        return {check_state::slow,
            fmt::format("{}; this process may not run on cpus {}", text, ranges_text(lost)),
            fmt::format("taskset -c {} ngpoll ...", ranges_text(lost))};
    });
}

diagnosis check_iostats(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path& path, const path_settings& settings) {
        return of_number(settings.iostats, 0, "iostats", path.block_device);
    });
}

diagnosis check_nomerges(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path& path, const path_settings& settings) {
        return of_number(settings.nomerges, 2, "nomerges", path.block_device);
    });
}

diagnosis check_scheduler(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path& path, const path_settings& settings) -> diagnosis {
        if (settings.scheduler.empty())
            return {check_state::unknown, "sysfs does not say", {}};
        if (settings.scheduler == "none")
            return {check_state::ok, settings.scheduler, {}};
        return {check_state::unsafe, settings.scheduler,
            fmt::format("echo none > /sys/block/{}/queue/scheduler", path.block_device)};
    });
}

diagnosis check_numa_node(const examined_system& all, const examined_drive& drive)
{
    return of_paths(drive, [&](const drive_path& path, const path_settings&) -> diagnosis {
        if (all.host.node_cpus.size() == 1)
            return {check_state::ok, "the machine has one node", {}};
        if (!path.controller.numa_node)
            return {check_state::unknown, "sysfs does not say the drive's node", {}};
        const std::uint32_t node = *path.controller.numa_node;
        const auto known = all.host.node_cpus.find(node);
        if (known == all.host.node_cpus.end() || all.host.allowed_cpus.empty())
            return {
                check_state::unknown, fmt::format("node {}; its processors are unknown", node), {}};
        std::string text = fmt::format("node {}: cpus {}", node, ranges_text(known->second));
        if (may_use(known->second, all.host))
            return {check_state::ok, std::move(text), {}};
        return {check_state::slow, text + "; this process may run on none of them",
            fmt::format("numactl --cpunodebind={0} --membind={0} ngpoll ...", node)};
    });
}

diagnosis check_iommu(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path&, const path_settings& settings) -> diagnosis {
        if (!settings.is_pci)
            return {check_state::unknown, "the drive is not a PCI function", {}};
        const iommu_use use = settings.iommu();
        switch (use) {
        case iommu_use::none: return {check_state::ok, "no IOMMU translates", {}};
        case iommu_use::passed_through: return {check_state::ok, std::string(to_string(use)), {}};
        case iommu_use::lazy:
        case iommu_use::strict:
            return {check_state::slow, std::string(to_string(use)), "boot with iommu=pt"};
        case iommu_use::unknown: break;
        }
        return {check_state::unknown,
            fmt::format("group {}: {}", settings.iommu_group,
                settings.iommu_mode.empty() ? "sysfs does not say" : settings.iommu_mode),
            {}};
    });
}

diagnosis check_pcie_link(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path& path, const path_settings& settings) -> diagnosis {
        if (!settings.link)
            return {check_state::unknown,
                settings.is_pci ? "sysfs does not say" : "the drive is not a PCI function", {}};
        const pcie_link& link = *settings.link;
        std::string text
            = fmt::format("{} GT/s, {} lane{}", link.speed, link.width, link.width == 1 ? "" : "s");
        if (link.speed >= link.speed_max && link.width >= link.width_max)
            return {check_state::ok, std::move(text), {}};
        return {check_state::slow,
            fmt::format(
                "{}; the drive can do {} GT/s, {} lanes", text, link.speed_max, link.width_max),
            fmt::format("lspci -vvs {} | grep Lnk, then another slot or the firmware's settings",
                path.controller.address)};
    });
}

std::string format_text(const lba_format& format)
{
    return format.metadata_bytes == 0
        ? std::to_string(format.data_bytes)
        : fmt::format("{}+{}", format.data_bytes, format.metadata_bytes);
}

diagnosis check_lba_format(const examined_system&, const examined_drive& drive)
{
    const auto& formats = drive.formats;
    const auto current = std::find_if(
        formats.begin(), formats.end(), [](const lba_format& each) { return each.in_use; });
    if (current == formats.end())
        return {check_state::unknown, "the drive could not be asked",
            "run as root, or with read permission for " + drive.found.path};
    // Less metadata may be less protection, so only formats with as much metadata are proposed.
    const lba_format* best = &*current;
    for (const lba_format& each : formats)
        if (each.metadata_bytes == best->metadata_bytes && each.performance < best->performance)
            best = &each;
    if (best == &*current)
        return {check_state::ok, format_text(*current) + " bytes", {}};
    return {check_state::slow,
        fmt::format("{} bytes; the drive says that {} is faster", format_text(*current),
            format_text(*best)),
        fmt::format("nvme format {} --lbaf={} (this destroys all data on it)", drive.found.path,
            best->index)};
}

diagnosis check_multipath(const examined_system&, const examined_drive& drive)
{
    if (!drive.found.multipath)
        return {check_state::ok, "the device is the controller's own", {}};
    const auto& paths = drive.found.paths;
    const auto live = std::count_if(paths.begin(), paths.end(),
        [](const drive_path& path) { return path.controller.state == "live"; });
    std::string text = fmt::format("a multipath node with {} path{}, {} of them live", paths.size(),
        paths.size() == 1 ? "" : "s", live);
    if (live == 0)
        return {check_state::unsafe, std::move(text), "nvme list-subsys, and bring a path back"};
    if (paths.size() == 1)
        return {check_state::ok, std::move(text), {}};
    return {check_state::slow, std::move(text),
        "boot with nvme_core.multipath=N, if you need no spare path"};
}

diagnosis check_transport(const examined_system&, const examined_drive& drive)
{
    return of_paths(drive, [](const drive_path& path, const path_settings&) -> diagnosis {
        const std::string& transport = path.controller.transport;
        if (transport.empty())
            return {check_state::unknown, "sysfs does not say", {}};
        if (transport == "pcie")
            return {check_state::ok, transport, {}};
        if (transport == "tcp")
            return {check_state::unsafe, transport, "ngpoll bench -p0, without --force"};
        return {check_state::slow, transport, "use a drive of this machine's own, on PCIe"};
    });
}

struct drive_check {
    const char* name;
    diagnosis (*look)(const examined_system&, const examined_drive&);
    const char* why;
};

constexpr drive_check kDriveChecks[] = {
    {"poll_queues", check_poll_queues,
        "Without poll queues the drive reports completions by interrupt, and a ring polls for "
        "for nothing."},
    {"poll_queue_processors", check_poll_queue_processors,
        "A command goes to the poll queue of the processor that sends it. A queue is idle when "
        "this process may run on none of the queue's processors."},
    {"iostats", check_iostats,
        "To count I/Os the kernel reads the clock twice for each I/O. 8 % more IOPS were reported "
        "without it."},
    {"nomerges", check_nomerges,
        "The block path, with which people compare passthrough, tries to merge each I/O with "
        "another request. Passthrough itself does not."},
    {"scheduler", check_scheduler,
        "With an I/O scheduler, two rings that poll the drive crash the kernel. Each I/O also "
        "costs more, and the drive has fewer tags."},
    {"numa_node", check_numa_node,
        "A processor of another node reaches the drive and its completions more slowly."},
    {"iommu", check_iommu,
        "A strict IOMMU maps and unmaps the buffers of each I/O. Reported IOPS: 570 K with strict, "
        "1.93 M with lazy, 5.01 M with passed through."},
    {"pcie_link", check_pcie_link, "A link below what the drive can do limits its bandwidth."},
    {"lba_format", check_lba_format,
        "Some drives are delivered with a block size that is not their fastest."},
    {"multipath", check_multipath,
        "With several paths the kernel picks a path for each command, so ngpoll keeps no thread to "
        "a processor. Without a usable path, commands fail with EINVAL."},
    {"transport", check_transport,
        "Polled passthrough over TCP crashes Linux. ngpoll therefore polls on PCIe only, and runs "
        "by interrupt elsewhere."},
};

constexpr const char* kNoDrive
    = "needs a DEVICE, and this machine shows none: ngpoll doctor /dev/ng0n1";

} // namespace

std::vector<check> check_drives(const examined_system& all)
{
    std::vector<check> checks;
    for (const examined_drive& drive : all.drives)
        for (const drive_check& each : kDriveChecks)
            checks.push_back({.name = each.name,
                .device = drive.found.path,
                .told = each.look(all, drive),
                .why = each.why});
    if (all.drives.empty())
        for (const drive_check& each : kDriveChecks)
            checks.push_back({.name = each.name,
                .device = {},
                .told = {check_state::unknown, kNoDrive, {}},
                .why = each.why});
    return checks;
}

} // namespace ngpoll::cli
