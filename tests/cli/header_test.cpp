// SPDX-License-Identifier: MIT
#include <string>

#include "../unit/catch.hpp"
#include "../unit/fake_drives.hpp"
#include "bench/drive_place.hpp"
#include "bench/equivalent.hpp"
#include "bench/text.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;

namespace {

/// A run planned for a drive of 1,000 blocks.
bench_result planned()
{
    bench_result run;
    bench_drive& drive = run.drives.emplace_back();
    drive.device.path = "/dev/ng0n1";
    drive.device.model = "A Fast Drive";
    drive.device.capacity_blocks = 1000;
    drive.device.lba_bytes = 4096;
    drive.geometry.positions = 1000;
    return run;
}

bool says(const std::string& text, const std::string& words)
{
    CAPTURE(text, words);
    return text.find(words) != std::string::npos;
}

/// A machine with a drive on the second of two NUMA nodes.
struct machine_with_drive {
    test::fake_tree tree;
    namespace_info drive;

    machine_with_drive()
    {
        test::fake_controller(tree, "nvme0", "SN0");
        test::fake_namespace(tree, "nvme0");
        tree.file("dev/ng0n1", "");
        tree.file("sys/class/nvme/nvme0/numa_node", "1");
        tree.file("sys/devices/system/node/node0/cpulist", "0-1");
        tree.file("sys/devices/system/node/node1/cpulist", "2-3");
        drive.path = "/dev/ng0n1";
    }
    [[nodiscard]] drive_place place() const { return find_place(drive, tree.root()); }
};

} // namespace

TEST_CASE("a run with reads warns of a drive that holds data in few of its blocks")
{
    bench_result run = planned();
    CHECK_FALSE(says(drive_text(run), "warning"));
    run.drives.front().device.used_blocks = 130;
    CHECK(says(drive_text(run), "warning: /dev/ng0n1 says that 13 % of its blocks are in use"));
    run.options.rw = access_pattern::parse("--rw", "randrw");
    CHECK(says(drive_text(run), "warning"));
    run.options.rw = access_pattern::parse("--rw", "write");
    CHECK_FALSE(says(drive_text(run), "warning"));
}

TEST_CASE("the equivalent fio line has one job's share of the rate, for each kind of I/O")
{
    bench_result run = planned();
    run.options.threads = 4;
    run.options.rate_iops = 1000;
    CHECK(says(equivalent_text(run), " --rate_iops=250 "));
    run.options.rw = access_pattern::parse("--rw", "randrw");
    run.options.reads_percent = 70;
    CHECK(says(equivalent_text(run), " --rate_iops=175,75 "));
    run.options.rate_iops = 0;
    CHECK_FALSE(says(equivalent_text(run), "rate_iops"));
}

TEST_CASE("the summary warns if half of the first reads or more are zeros")
{
    bench_result run = planned();
    run.threads.resize(1);
    bench_worker::first_reads& first = run.drives.front().first;
    first = {.all = 128, .zeros = 63};
    CHECK_FALSE(says(summary_text(run), "warning"));
    first.zeros = 64;
    CHECK(says(summary_text(run), "warning: 64 of the first 128 reads brought nothing but zeros"));
    first = {.all = 1, .zeros = 0};
    CHECK_FALSE(says(summary_text(run), "warning"));
    first = {};
    CHECK_FALSE(says(summary_text(run), "warning"));
}

TEST_CASE("with several drives each line about a drive names it")
{
    bench_result run = planned();
    run.drives.push_back(run.drives.front());
    run.drives.back().device.path = "/dev/ng1n1";
    run.drives.back().device.used_blocks = 0;
    CHECK(says(drive_text(run), "warning: /dev/ng1n1 says that 0 % of its"));
    CHECK(says(drive_text(run), "\n2 drives; random reads"));
    run.threads.resize(2);
    run.drives.back().first = {.all = 8, .zeros = 8};
    run.drives.back().errors.push_back({.status = {.nvme_status = 0x281}, .count = 7});
    CHECK(says(summary_text(run), "warning: /dev/ng1n1: 8 of the first 8 reads"));
    CHECK(says(summary_text(run), "\n/dev/ng1n1: 7 reads failed: "));
    CHECK_FALSE(says(summary_text(run), "/dev/ng0n1: 0 reads failed"));
    CHECK(says(summary_text(run), "\n/dev/ng0n1: IOPS=0"));
}

TEST_CASE("the header shows the drive's NUMA node and IOMMU")
{
    machine_with_drive on;
    bench_result run = planned();
    on.tree.file("sys/kernel/iommu_groups/7/type", "DMA");
    on.tree.link("sys/bus/pci/devices/0000:00:00.0/iommu_group", "sys/kernel/iommu_groups/7");
    drive_place& place = run.drives.front().place;
    place = on.place();
    CHECK(place.node == 1U);
    CHECK(place.node_cpus == std::vector<std::uint32_t>{2, 3});
    CHECK(says(drive_text(run), ", NUMA node 1, IOMMU strict\n"));
    on.tree.file("sys/kernel/iommu_groups/7/type", "identity");
    CHECK(on.place().iommu == iommu_use::passed_through);
}

TEST_CASE("the header leaves out what is unknown about the drive's place")
{
    machine_with_drive on;
    on.tree.file("sys/class/nvme/nvme0/numa_node", "-1");
    CHECK_FALSE(on.place().node);
    on.drive.path = "/dev/ng7n1";
    CHECK(on.place().iommu == iommu_use::unknown);
    CHECK_FALSE(says(drive_text(planned()), "NUMA"));
    CHECK_FALSE(says(drive_text(planned()), "IOMMU"));
}

TEST_CASE("a drive with paths from two NUMA nodes belongs to neither")
{
    machine_with_drive on;
    for (const char* controller : {"nvme2", "nvme3"}) {
        test::fake_controller(on.tree, controller, "SN2");
        on.tree.file(std::string("sys/class/nvme/") + controller + "/numa_node", "1");
    }
    test::fake_multipath(on.tree, "SN2");
    on.tree.file("dev/ng2n1", "");
    on.drive.path = "/dev/ng2n1";
    CHECK(on.place().node == 1U);
    on.tree.file("sys/class/nvme/nvme3/numa_node", "0");
    CHECK_FALSE(on.place().node);
}

TEST_CASE("a machine with one NUMA node shows no node")
{
    machine_with_drive on;
    on.tree.file("sys/class/nvme/nvme0/numa_node", "0");
    on.tree.remove("sys/devices/system/node/node1");
    CHECK_FALSE(on.place().node);
}
