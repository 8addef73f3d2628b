// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "../unit/fake_drives.hpp"
#include "doctor/check.hpp"

namespace ngpoll::test {

/// A machine without any problem: Linux 7.3, four processors, one drive with two poll queues.
inline void healthy_machine(const fake_tree& tree)
{
    tree.file("proc/sys/kernel/osrelease", "7.3.4-amd64");
    tree.file("proc/sys/kernel/version", "#1 SMP Debian 7.3.4-1 (2026-11-20)");
    tree.file("proc/sys/kernel/io_uring_disabled", "0");
    tree.file("proc/self/status",
        "Name:\tngpoll\nCapEff:\t000001ffffffffff\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3");
    tree.file("proc/self/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max locked memory         8388608              8388608              bytes     ");
    tree.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "64");
    for (const char* const cpu : {"cpu0", "cpu1", "cpu2", "cpu3"}) {
        const std::string folder = std::string("sys/devices/system/cpu/") + cpu;
        tree.file(folder + "/cpufreq/scaling_governor", "performance");
        tree.file(folder + "/cpuidle/state0/name", "C1");
        tree.file(folder + "/cpuidle/state0/latency", "2");
        tree.file(folder + "/cpuidle/state0/disable", "0");
        tree.file(folder + "/cpuidle/state1/name", "C6");
        tree.file(folder + "/cpuidle/state1/latency", "133");
        tree.file(folder + "/cpuidle/state1/disable", "1");
    }
    tree.file("sys/devices/system/node/node0/cpulist", "0-1");
    tree.file("sys/devices/system/node/node1/cpulist", "2-3");
}

inline void healthy_queue(const fake_tree& tree, const std::string& block)
{
    const std::string queue = "sys/block/" + block + "/queue/";
    tree.file(queue + "iostats", "0");
    tree.file(queue + "nomerges", "2");
    tree.file(queue + "scheduler", "[none] mq-deadline");
}

inline void healthy_function(const fake_tree& tree, const std::string& address)
{
    const std::string function = "sys/bus/pci/devices/" + address;
    tree.file(function + "/current_link_speed", "16.0 GT/s PCIe");
    tree.file(function + "/max_link_speed", "16.0 GT/s PCIe");
    tree.file(function + "/current_link_width", "4");
    tree.file(function + "/max_link_width", "4");
    tree.file("sys/kernel/iommu_groups/7/type", "identity");
    tree.link(function + "/iommu_group", "sys/kernel/iommu_groups/7");
}

inline void healthy_drive(const fake_tree& tree)
{
    fake_controller(tree, "nvme0", "SN0");
    fake_namespace(tree, "nvme0");
    tree.file("sys/class/nvme/nvme0/numa_node", "0");
    tree.file("dev/ng0n1", "");
    healthy_queue(tree, "nvme0n1");
    healthy_function(tree, "0000:00:00.0");
}

/// Runs the check `name` on the tree and the drives in it.
inline cli::check checked(const fake_tree& tree, const std::string& name)
{
    std::vector<cli::check> found;
    for (const cli::check& each : cli::check_all(cli::examine({}, tree.root())))
        if (each.name == name)
            found.push_back(each);
    CAPTURE(name);
    REQUIRE(found.size() == 1);
    return found.front();
}

/// The check's state and finding, such as "slow: mq-deadline".
inline std::string said(const fake_tree& tree, const std::string& name)
{
    const cli::check one = checked(tree, name);
    return std::string(to_string(one.told.state)) + ": " + one.told.found;
}

inline std::string fix(const fake_tree& tree, const std::string& name)
{
    return checked(tree, name).told.fix;
}

} // namespace ngpoll::test
