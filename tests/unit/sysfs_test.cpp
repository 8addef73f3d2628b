// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>

#include "catch.hpp"
#include "fake_tree.hpp"
#include "linux/sysfs.hpp"

using namespace ngpoll;
using test::fake_tree;

namespace {

/// A namespace on one controller.
void plain_drive(const fake_tree& tree)
{
    tree.link("sys/block/nvme0n1/device", "sys/devices/nvme/nvme0");
    tree.file("sys/block/nvme0n1/mq/0/cpu_list", "0");
    tree.file("sys/block/nvme0n1/queue/nr_requests", "1023");
    tree.file("sys/devices/nvme/nvme0/sqsize", "1023");
    tree.file("sys/devices/nvme/nvme0/transport", "pcie");
}

} // namespace

TEST_CASE("a device is found by its number, under any path")
{
    const fake_tree tree;
    // /dev/null is number 1:3 on every Linux.
    tree.link("sys/dev/char/1:3", "sys/devices/nvme/nvme7/ng7n2");
    CHECK(block_name("/dev/null", tree.root()) == "nvme7n2");
    const std::string link = tree.root() + "/my-drive";
    std::filesystem::create_symlink("/dev/null", link);
    CHECK(block_name(link, tree.root()) == "nvme7n2");
    CHECK(block_name("/dev/zero", tree.root()).empty()); // not in sysfs, and its name is no ngXnY
    CHECK(block_name("/dev/ng3n1", tree.root()) == "nvme3n1"); // no such file, so its name counts
    CHECK(block_name("/dev/disk", tree.root()).empty());
}

TEST_CASE("a drive's limit is the lower of its tags and nr_requests")
{
    const fake_tree tree;
    plain_drive(tree);
    drive_limits limits = read_drive_limits("nvme0n1", tree.root());
    CHECK(limits.controller == "nvme0");
    CHECK(limits.transport == "pcie");
    CHECK(limits.tags == 1023);
    // An I/O scheduler sets nr_requests to twice the tags, at most 256.
    CHECK(limits.scheduler.empty());
    tree.file("sys/block/nvme0n1/queue/scheduler", "[none] mq-deadline");
    CHECK(read_drive_limits("nvme0n1", tree.root()).scheduler.empty());
    tree.file("sys/block/nvme0n1/queue/scheduler", "none [mq-deadline] kyber");
    CHECK(read_drive_limits("nvme0n1", tree.root()).scheduler == "mq-deadline");
    tree.file("sys/block/nvme0n1/queue/nr_requests", "256");
    CHECK(read_drive_limits("nvme0n1", tree.root()).tags == 256);
    tree.file("sys/block/nvme0n1/queue/nr_requests", "30");
    tree.file("sys/devices/nvme/nvme0/sqsize", "15");
    CHECK(read_drive_limits("nvme0n1", tree.root()).tags == 15);
    tree.remove("sys/devices/nvme/nvme0/sqsize");
    tree.remove("sys/block/nvme0n1/queue/nr_requests");
    CHECK(read_drive_limits("nvme0n1", tree.root()).tags == 0);
}

TEST_CASE("a multipath node has the lowest limit of its paths and reports a transport other than "
          "pcie")
{
    const fake_tree tree;
    tree.link("sys/block/nvme0n1/device", "sys/devices/nvme-subsys0");
    for (const std::string path : {"0", "1"}) {
        tree.link("sys/block/nvme0c" + path + "n1/device", "sys/devices/nvme/nvme" + path);
        tree.file("sys/block/nvme0c" + path + "n1/queue/nr_requests", path == "0" ? "127" : "63");
        tree.file("sys/devices/nvme/nvme" + path + "/sqsize", "127");
        tree.file("sys/devices/nvme/nvme" + path + "/transport", "pcie");
    }
    drive_limits limits = read_drive_limits("nvme0n1", tree.root());
    CHECK(limits.controller == "nvme-subsys0");
    CHECK(limits.tags == 63);
    CHECK(limits.transport == "pcie");
    for (const std::string path : {"0", "1"}) {
        tree.file("sys/devices/nvme/nvme0/transport", path == "0" ? "rdma" : "pcie");
        tree.file("sys/devices/nvme/nvme1/transport", path == "1" ? "tcp" : "pcie");
        CHECK(
            read_drive_limits("nvme0n1", tree.root()).transport == (path == "0" ? "rdma" : "tcp"));
    }
}
