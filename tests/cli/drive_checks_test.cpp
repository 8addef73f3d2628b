// SPDX-License-Identifier: MIT
#include <string>

#include "../unit/catch.hpp"
#include "doctor_tree.hpp"

using namespace ngpoll::cli;
using namespace ngpoll::test;

namespace {

/// A healthy machine with one drive.
struct one_drive {
    one_drive()
    {
        healthy_machine(tree);
        healthy_drive(tree);
    }
    fake_tree tree;
    const std::string queue = "sys/block/nvme0n1/queue/";
    const std::string function = "sys/bus/pci/devices/0000:00:00.0/";
};

/// A healthy machine with a drive behind nvme2 and nvme3.
struct two_paths {
    two_paths()
    {
        healthy_machine(tree);
        fake_controller(tree, "nvme2", "SN2");
        fake_controller(tree, "nvme3", "SN2");
        fake_multipath(tree, "SN2");
        healthy_queue(tree, "nvme2c2n1");
        healthy_queue(tree, "nvme2c3n1");
    }
    fake_tree tree;
};

/// The check of formats on a drive with these formats.
check formats_checked(std::vector<ngpoll::lba_format> formats)
{
    examined_system all;
    all.drives.resize(1);
    all.drives.front().found.path = "/dev/ng0n1";
    all.drives.front().formats = std::move(formats);
    for (check& each : check_drives(all))
        if (each.name == "lba_format")
            return std::move(each);
    return {};
}

} // namespace

TEST_CASE("poll_queues: the drive's poll queues count, not the module's parameter")
{
    const one_drive of;
    CHECK(said(of.tree, "poll_queues") == "ok: 1");
    of.tree.file("sys/module/nvme/parameters/poll_queues", "2"); // the drive has one
    CHECK(said(of.tree, "poll_queues") == "ok: some; only root can see how many");
    of.tree.file(of.queue + "io_poll", "0");
    CHECK(said(of.tree, "poll_queues")
        == "slow: none: the driver made its queues before it was given the parameter");
    of.tree.file("sys/module/nvme/parameters/poll_queues", "0");
    CHECK(said(of.tree, "poll_queues") == "slow: none");
    CHECK(
        fix(of.tree, "poll_queues").starts_with("modprobe -r nvme && modprobe nvme poll_queues="));
}

TEST_CASE("poll_queue_processors: this process may use a processor of each poll queue")
{
    const one_drive of;
    CHECK(said(of.tree, "poll_queue_processors") == "ok: hctx1: cpus 0-1");
    of.tree.file("proc/self/status", "CapEff:\t0\nCpus_allowed_list:\t2-3");
    CHECK(said(of.tree, "poll_queue_processors")
        == "slow: hctx1: cpus 0-1; this process may not run on cpus 0-1");
    CHECK(fix(of.tree, "poll_queue_processors") == "taskset -c 0-1 ngpoll ...");
    of.tree.file("sys/module/nvme/parameters/poll_queues", "2");
    CHECK(said(of.tree, "poll_queue_processors").starts_with("unknown: debugfs cannot be read"));
}

TEST_CASE("iostats should be 0")
{
    const one_drive of;
    CHECK(said(of.tree, "iostats") == "ok: 0");
    of.tree.file(of.queue + "iostats", "1");
    CHECK(said(of.tree, "iostats") == "slow: 1");
    CHECK(fix(of.tree, "iostats") == "echo 0 > /sys/block/nvme0n1/queue/iostats");
}

TEST_CASE("nomerges should be 2")
{
    const one_drive of;
    CHECK(said(of.tree, "nomerges") == "ok: 2");
    of.tree.file(of.queue + "nomerges", "1");
    CHECK(said(of.tree, "nomerges") == "slow: 1");
    CHECK(fix(of.tree, "nomerges") == "echo 2 > /sys/block/nvme0n1/queue/nomerges");
}

TEST_CASE("scheduler: every scheduler is unsafe")
{
    const one_drive of;
    CHECK(said(of.tree, "scheduler") == "ok: none");
    of.tree.file(of.queue + "scheduler", "none [mq-deadline] kyber");
    CHECK(said(of.tree, "scheduler") == "unsafe: mq-deadline");
    CHECK(fix(of.tree, "scheduler") == "echo none > /sys/block/nvme0n1/queue/scheduler");
    of.tree.file(of.queue + "scheduler", "none"); // the kernel has no scheduler
    CHECK(said(of.tree, "scheduler") == "ok: none");
}

TEST_CASE("numa_node: this process may run on the drive's NUMA node")
{
    const one_drive of;
    CHECK(said(of.tree, "numa_node") == "ok: node 0: cpus 0-1");
    of.tree.file("sys/class/nvme/nvme0/numa_node", "1");
    of.tree.file("proc/self/status", "Cpus_allowed_list:\t0-1");
    CHECK(said(of.tree, "numa_node")
        == "slow: node 1: cpus 2-3; this process may run on none of them");
    CHECK(fix(of.tree, "numa_node") == "numactl --cpunodebind=1 --membind=1 ngpoll ...");
    of.tree.file("sys/class/nvme/nvme0/numa_node", "-1");
    CHECK(said(of.tree, "numa_node") == "unknown: sysfs does not say the drive's node");
    of.tree.remove("sys/devices/system/node/node1");
    CHECK(said(of.tree, "numa_node") == "ok: the machine has one node");
}

TEST_CASE("iommu: passed through, or switched off")
{
    const one_drive of;
    CHECK(said(of.tree, "iommu") == "ok: passed through");
    of.tree.file("sys/kernel/iommu_groups/7/type", "DMA");
    CHECK(said(of.tree, "iommu") == "slow: strict");
    CHECK(fix(of.tree, "iommu") == "boot with iommu=pt");
    of.tree.file("sys/kernel/iommu_groups/7/type", "DMA-FQ");
    CHECK(said(of.tree, "iommu") == "slow: lazy");
    of.tree.remove(of.function + "iommu_group");
    CHECK(said(of.tree, "iommu") == "ok: no IOMMU translates");
}

TEST_CASE("pcie_link: as fast and as wide as the drive supports")
{
    const one_drive of;
    CHECK(said(of.tree, "pcie_link") == "ok: 16 GT/s, 4 lanes");
    of.tree.file(of.function + "current_link_width", "1");
    CHECK(said(of.tree, "pcie_link") == "slow: 16 GT/s, 1 lane; the drive can do 16 GT/s, 4 lanes");
    of.tree.file(of.function + "current_link_width", "4");
    of.tree.file(of.function + "current_link_speed", "2.5 GT/s PCIe");
    CHECK(
        said(of.tree, "pcie_link") == "slow: 2.5 GT/s, 4 lanes; the drive can do 16 GT/s, 4 lanes");
    CHECK(fix(of.tree, "pcie_link").starts_with("lspci -vvs 0000:00:00.0 "));
    of.tree.file(of.function + "current_link_speed", "Unknown");
    CHECK(said(of.tree, "pcie_link") == "unknown: sysfs does not say");
}

TEST_CASE("lba_format: the drive reports the faster format")
{
    CHECK(formats_checked({}).told.state == check_state::unknown);
    const ngpoll::lba_format small{
        .index = 0, .data_bytes = 512, .metadata_bytes = 0, .performance = 2, .in_use = true};
    const ngpoll::lba_format large{
        .index = 3, .data_bytes = 4096, .metadata_bytes = 0, .performance = 0, .in_use = false};
    const check slow = formats_checked({small, large});
    CHECK(slow.told.state == check_state::slow);
    CHECK(slow.told.found == "512 bytes; the drive says that 4096 is faster");
    CHECK(slow.told.fix == "nvme format /dev/ng0n1 --lbaf=3 (this destroys all data on it)");
    ngpoll::lba_format equal = large;
    equal.performance = 2;
    CHECK(formats_checked({small, equal}).told.found == "512 bytes");
    CHECK(formats_checked({small, equal}).told.state == check_state::ok);
    ngpoll::lba_format with_metadata = large;
    with_metadata.metadata_bytes = 8; // a format with metadata does not replace one without
    CHECK(formats_checked({small, with_metadata}).told.state == check_state::ok);
}

TEST_CASE("multipath: the controller's own device, or a node with a live path")
{
    const one_drive plain;
    CHECK(said(plain.tree, "multipath") == "ok: the device is the controller's own");
    const two_paths of;
    CHECK(said(of.tree, "multipath") == "slow: a multipath node with 2 paths, 2 of them live");
    CHECK(fix(of.tree, "multipath").starts_with("boot with nvme_core.multipath=N"));
    of.tree.file("sys/class/nvme/nvme2/state", "dead");
    of.tree.file("sys/class/nvme/nvme3/state", "connecting");
    CHECK(said(of.tree, "multipath") == "unsafe: a multipath node with 2 paths, 0 of them live");
    of.tree.remove("sys/block/nvme2c2n1");
    of.tree.file("sys/class/nvme/nvme3/state", "live");
    CHECK(said(of.tree, "multipath") == "ok: a multipath node with 1 path, 1 of them live");
    of.tree.remove("sys/block/nvme2c3n1");
    CHECK(said(of.tree, "multipath") == "unsafe: a multipath node with 0 paths, 0 of them live");
    CHECK(said(of.tree, "iostats") == "unknown: the multipath node has no path");
}

TEST_CASE("transport: PCIe can be polled, TCP must not be polled")
{
    const one_drive of;
    CHECK(said(of.tree, "transport") == "ok: pcie");
    of.tree.file("sys/class/nvme/nvme0/transport", "tcp");
    CHECK(said(of.tree, "transport") == "unsafe: tcp");
    CHECK(fix(of.tree, "transport") == "ngpoll bench -p0, without --force");
    of.tree.file("sys/class/nvme/nvme0/transport", "rdma");
    CHECK(said(of.tree, "transport") == "slow: rdma");
}

TEST_CASE("the worst of two paths counts, and each path is named")
{
    const two_paths of;
    CHECK(said(of.tree, "iostats") == "ok: nvme2c2n1: 0, nvme2c3n1: 0");
    of.tree.file("sys/block/nvme2c2n1/queue/iostats", "1");
    CHECK(said(of.tree, "iostats") == "slow: nvme2c2n1: 1, nvme2c3n1: 0");
    of.tree.file("sys/block/nvme2c3n1/queue/iostats", "1");
    CHECK(fix(of.tree, "iostats")
        == "echo 0 > /sys/block/nvme2c2n1/queue/iostats; echo 0 > "
           "/sys/block/nvme2c3n1/queue/iostats");
    of.tree.remove("sys/block/nvme2c3n1/queue/iostats");
    CHECK(said(of.tree, "iostats") == "slow: nvme2c2n1: 1, nvme2c3n1: sysfs does not say");
}
