// SPDX-License-Identifier: MIT
#include <string>

#include "../unit/catch.hpp"
#include "../unit/fake_drives.hpp"
#include "list/listing.hpp"

using namespace ngpoll::cli;
using ngpoll::drive_user;
using ngpoll::test::fake_controller;
using ngpoll::test::fake_namespace;
using ngpoll::test::fake_tree;

namespace {

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("without drives the text is one line, and the JSON has empty lists")
{
    const fake_tree tree;
    const listing none = read_listing(tree.root());
    CHECK(list_text(none)
        == "no NVMe drive on this machine; `ngpoll bench` without DEVICE measures an emulated "
           "one\n");
    CHECK(has(list_json(none),
        R"("drives": [],
  "controllers_without_namespace": [],
  "other_drivers": []
})"));
}

TEST_CASE("two drives are two lines, with the names that --write needs")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    fake_namespace(tree, "nvme0");
    fake_controller(tree, "nvme1", "S N 1");
    fake_namespace(tree, "nvme1");
    tree.file("sys/class/nvme/nvme1/numa_node", "1");
    tree.file("sys/block/nvme1n1/metadata_bytes", "8");
    tree.file("sys/block/nvme1n1/queue/logical_block_size", "4096");
    tree.file("sys/block/nvme1n1/queue/io_poll", "0");
    listing two = read_listing(tree.root());
    REQUIRE(two.drives.size() == 2);
    two.drives[0].use = {};
    two.drives[1].use = {.users = {{drive_user::kind::mount, "mounted on /home", "umount /home"},
                             {drive_user::kind::swap, "partition nvme1n1p2 swap", {}}},
        .unknown = {}};
    CHECK(list_text(two)
        == "DEVICE      BLOCK    SERIAL:NSID  MODEL         SIZE   LBA     POLL  NODE  STATE  "
           "TRANSPORT  MULTIPATH  IN USE\n"
           "/dev/ng0n1  nvme0n1  SN0:1        A Fast Drive  1 GiB  512     1     -     live   "
           "pcie       -          -\n"
           "/dev/ng1n1  nvme1n1  S N 1:1      A Fast Drive  1 GiB  4096+8  0     1     live   "
           "pcie       -          mounted on /home; partition nvme1n1p2 swap\n");
    CHECK(has(list_json(two), R"("in_use": [
        {
          "kind": "mount",
          "text": "mounted on /home",
          "release": "umount /home"
        },
        {
          "kind": "swap",
          "text": "partition nvme1n1p2 swap",
          "release": null
        }
      ],
      "in_use_unknown": null,)"));
    two.drives[0].use.unknown = "there is no block device";
    CHECK(has(list_text(two), "pcie       -          ?\n"));
    CHECK(has(list_text(two),
        "note: /dev/ng0n1: it may have users that are not known: there is no block device\n"));
}

TEST_CASE("the JSON of a drive has all known values, and null for the others")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    fake_namespace(tree, "nvme0");
    CHECK(has(list_json(read_listing(tree.root())), R"("drives": [
    {
      "path": "/dev/ng0n1",
      "block_device": "nvme0n1",
      "write": "SN0:1",
      "model": "A Fast Drive",
      "serial": "SN0",
      "firmware": "1.0",
      "nsid": 1,
      "size_bytes": 1073741824,
      "lba_bytes": 512,
      "metadata_bytes": 0,
      "multipath": false,
      "in_use": [],
      "in_use_unknown": "/dev/ng0n1 is no passthrough device",
      "paths": [
        {
          "controller": "nvme0",
          "state": "live",
          "transport": "pcie",
          "address": "0000:00:00.0",
          "numa_node": null,
          "block_device": "nvme0n1",
          "has_poll_queues": true,
          "poll_queues": [
            {
              "hctx": 1,
              "cpus": [
                0,
                1
              ]
            }
          ]
        }
      ]
    }
  ],)"));
}

TEST_CASE("a multipath node shows each path's value where the values differ")
{
    const fake_tree tree;
    fake_controller(tree, "nvme2", "SN2");
    fake_controller(tree, "nvme3", "SN2");
    ngpoll::test::fake_multipath(tree, "SN2");
    tree.file("sys/class/nvme/nvme3/state", "connecting");
    const listing all = read_listing(tree.root());
    CHECK(has(list_text(all), "1     -     live,connecting  pcie       nvme2,nvme3  ?\n"));
    CHECK(has(list_json(all), R"("multipath": true)"));
    CHECK(has(list_json(all), R"("controller": "nvme3",
          "state": "connecting")"));
}

TEST_CASE("an unknown value is a question mark, with a reason if there is one")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    fake_namespace(tree, "nvme0");
    tree.remove("sys/block/nvme0n1/metadata_bytes");
    tree.file("sys/block/nvme0n1/size", "0");
    tree.file("sys/module/nvme/parameters/poll_queues", "2");
    tree.file("sys/class/nvme/nvme0/state", "dead"); // no drive of this machine gets a command
    const listing all = read_listing(tree.root());
    CHECK(has(
        list_text(all), "A Fast Drive  ?     512+?  yes   -     dead   pcie       -          ?\n"));
    CHECK(has(list_text(all), "note: nvme0n1: the number of poll queues is not known: debugfs"));
    CHECK(has(list_json(all), R"("size_bytes": null)"));
    CHECK(has(list_json(all), R"("poll_queues": null,
          "poll_queues_unknown": "debugfs cannot be read)"));
}

TEST_CASE("controllers without namespaces and drives of other drivers are notes")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN0");
    tree.file("sys/bus/pci/devices/0000:05:00.0/class", "0x010802");
    tree.link("sys/bus/pci/devices/0000:05:00.0/driver", "sys/bus/pci/drivers/vfio-pci");
    const listing all = read_listing(tree.root());
    CHECK(list_text(all)
        == "note: nvme0, A Fast Drive, serial SN0, live: no namespace that programs can use\n"
           "note: the kernel does not use the NVMe drive at 0000:05:00.0: the driver vfio-pci "
           "has it; to give it back: echo 0000:05:00.0 > /sys/bus/pci/drivers/vfio-pci/unbind; "
           "echo 0000:05:00.0 > /sys/bus/pci/drivers/nvme/bind\n");
    CHECK(has(list_json(all), R"("driver": "vfio-pci")"));
}

TEST_CASE("a serial that is not valid UTF-8 does not break the JSON")
{
    const fake_tree tree;
    fake_controller(tree, "nvme0", "SN\xff");
    fake_namespace(tree, "nvme0");
    CHECK(has(list_json(read_listing(tree.root())), "\"serial\": \"SN\xef\xbf\xbd\""));
}
