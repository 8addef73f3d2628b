// SPDX-License-Identifier: MIT
#include <string>

#include <ngpoll/drives.hpp>

#include "catch.hpp"
#include "fake_drives.hpp"

using namespace ngpoll;
using test::fake_controller;
using test::fake_namespace;
using test::fake_tree;

TEST_CASE("a machine without drives or without sysfs has an empty list")
{
    const fake_tree tree;
    CHECK(find_drives(tree.root()).drives.empty());
    CHECK(find_drives(tree.root() + "/nowhere").drives.empty());
    tree.file("sys/class/nvme-generic/.keep", "");
    tree.file("sys/bus/pci/devices/0000:00:01.0/class", "0x060100");
    const drive_list all = find_drives(tree.root());
    CHECK(all.drives.empty());
    CHECK(all.without_namespace.empty());
    CHECK(all.foreign.empty());
}

TEST_CASE("a namespace is described by its block device and its controller")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN 0");
    fake_namespace(tree, "nvme0");
    const drive_list all = find_drives(tree.root());
    REQUIRE(all.drives.size() == 1);
    const drive_info& one = all.drives.front();
    CHECK(one.path == "/dev/ng0n1");
    CHECK(one.block_device == "nvme0n1");
    CHECK(one.serial == "SN 0");
    CHECK(one.model == "A Fast Drive");
    CHECK(one.firmware == "1.0");
    CHECK(one.nsid == 1);
    CHECK(one.size_bytes == 1U << 30U);
    CHECK(one.lba_bytes == 512);
    CHECK(one.metadata_bytes == 0U);
    CHECK_FALSE(one.multipath);
    REQUIRE(one.paths.size() == 1);
    const drive_path& path = one.paths.front();
    CHECK(path.controller.name == "nvme0");
    CHECK(path.controller.state == "live");
    CHECK(path.controller.transport == "pcie");
    CHECK(path.controller.address == "0000:00:00.0");
    CHECK_FALSE(path.controller.numa_node);
    CHECK(path.block_device == "nvme0n1");
    CHECK(path.has_poll_queues == true);
    REQUIRE(path.queues.poll_queues.size() == 1);
    CHECK(path.queues.poll_queues.front().index == 1);
    CHECK(all.without_namespace.empty());
    CHECK(all.foreign.empty());
}

TEST_CASE("drives are listed by number, and a node without a block device is listed, too")
{
    const fake_tree tree;
    for (const char* const name : {"nvme9", "nvme1"}) {
        fake_controller(tree, name, name);
        fake_namespace(tree, name);
    }
    tree.file("sys/class/nvme/nvme9/numa_node", "1");
    const std::string tenth = "sys/class/nvme/nvme9/ng9n10";
    tree.link("sys/class/nvme-generic/ng9n10", tenth);
    const drive_list all = find_drives(tree.root());
    REQUIRE(all.drives.size() == 3);
    CHECK(all.drives[0].path == "/dev/ng1n1");
    CHECK(all.drives[1].path == "/dev/ng9n1");
    CHECK(all.drives[2].path == "/dev/ng9n10");
    CHECK(all.drives[1].paths.front().controller.numa_node == 1U);
    // Without a block device only the controller is known.
    CHECK(all.drives[2].block_device.empty());
    CHECK(all.drives[2].nsid == 0);
    REQUIRE(all.drives[2].paths.size() == 1);
    CHECK(all.drives[2].paths.front().controller.name == "nvme9");
}

TEST_CASE("a multipath node has the subsystem's serial and all its paths")
{
    const fake_tree tree;
    fake_controller(tree, "nvme2", "of nvme2");
    fake_controller(tree, "nvme3", "of nvme3");
    test::fake_multipath(tree, "of both");
    tree.file("sys/class/nvme/nvme3/state", "connecting");
    const drive_list all = find_drives(tree.root());
    REQUIRE(all.drives.size() == 1);
    const drive_info& head = all.drives.front();
    CHECK(head.path == "/dev/ng2n1");
    CHECK(head.block_device == "nvme2n1");
    CHECK(head.serial == "of both");
    CHECK(head.multipath);
    CHECK(head.nsid == 1);
    CHECK(head.size_bytes == 1U << 30U);
    REQUIRE(head.paths.size() == 2);
    CHECK(head.paths[0].block_device == "nvme2c2n1");
    CHECK(head.paths[0].controller.name == "nvme2");
    CHECK(head.paths[0].queues.poll_queues.size() == 1);
    CHECK(head.paths[1].block_device == "nvme2c3n1");
    CHECK(head.paths[1].controller.state == "connecting");
    CHECK(all.without_namespace.empty());

    tree.remove("sys/block/nvme2c2n1");
    tree.remove("sys/block/nvme2c3n1");
    const drive_list cut_off = find_drives(tree.root());
    REQUIRE(cut_off.drives.size() == 1);
    CHECK(cut_off.drives.front().multipath);
    CHECK(cut_off.drives.front().paths.empty());
    CHECK(cut_off.without_namespace.size() == 2);
}

TEST_CASE("controllers without a namespace and drives of other drivers are listed, too")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    fake_controller(tree, "nvme1", "SN1");
    tree.remove("sys/bus/pci/devices/0000:01:00.0/driver");
    tree.link("sys/bus/pci/devices/0000:01:00.0/driver", "sys/bus/pci/drivers/vfio-pci");
    tree.remove("sys/class/nvme/nvme1");
    tree.file("sys/bus/pci/devices/0000:02:00.0/class", "0x010802");
    const drive_list all = find_drives(tree.root());
    CHECK(all.drives.empty());
    REQUIRE(all.without_namespace.size() == 1);
    CHECK(all.without_namespace.front().name == "nvme0");
    CHECK(all.without_namespace.front().serial == "SN0");
    REQUIRE(all.foreign.size() == 2);
    CHECK(all.foreign[0].address == "0000:01:00.0");
    CHECK(all.foreign[0].driver == "vfio-pci");
    CHECK(all.foreign[1].address == "0000:02:00.0");
    CHECK(all.foreign[1].driver.empty());
}

TEST_CASE("a drive whose queues cannot be mapped has no map and a text that says why")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    fake_namespace(tree, "nvme0");
    tree.file("sys/module/nvme/parameters/poll_queues", "2"); // more than there can be
    const drive_path unsure = find_drives(tree.root()).drives.at(0).paths.at(0);
    CHECK(unsure.queues.poll_queues.empty());
    CHECK(unsure.queues.unknown.find("poll_queues, 2, is not what") != std::string::npos);
    CHECK(unsure.has_poll_queues == true);
    tree.file("sys/block/nvme0n1/queue/io_poll", "0");
    const drive_path without = find_drives(tree.root()).drives.at(0).paths.at(0);
    CHECK(without.queues.unknown.empty());
    CHECK(without.has_poll_queues == false);
}

TEST_CASE("a drive that does not answer keeps what sysfs says of it")
{
    drive_info one;
    one.path = "/dev/null";
    one.paths.resize(1);
    one.paths.front().controller.state = "live";
    identify_drive(one); // /dev/null is no NVMe device
    CHECK(one.nsid == 0);
    CHECK_FALSE(one.metadata_bytes);
    one.path = "/dev/there is no such device";
    identify_drive(one);
    CHECK(one.size_bytes == 0);
}
