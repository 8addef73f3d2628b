// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "fake_tree.hpp"

namespace ngpoll::test {

/// Makes the files in sysfs that the nvme driver of Linux 6.12 makes.

inline void fake_controller(
    const fake_tree& tree, const std::string& name, const std::string& serial)
{
    const std::string folder = "sys/devices/pci0000:00/0000:0" + name.substr(4) + ":00.0";
    const std::string controller = folder + "/nvme/" + name + '/';
    tree.file(controller + "state", "live");
    tree.file(controller + "transport", "pcie");
    tree.file(controller + "address", "0000:0" + name.substr(4) + ":00.0");
    tree.file(controller + "numa_node", "-1");
    tree.file(controller + "serial", serial + "              ");
    tree.file(controller + "model", "A Fast Drive                            ");
    tree.file(controller + "firmware_rev", "1.0     ");
    tree.link(controller + "device", folder);
    tree.link("sys/class/nvme/" + name, controller);
    tree.file(folder + "/class", "0x010802");
    tree.link(folder + "/driver", "sys/bus/pci/drivers/nvme");
    tree.link("sys/bus/pci/devices/0000:0" + name.substr(4) + ":00.0", folder);
}

/// A block device with two queues below `controller`; the second one polls.
inline void fake_queues(
    const fake_tree& tree, const std::string& block, const std::string& controller)
{
    const std::string folder = "sys/class/nvme/" + controller + '/' + block;
    tree.link("sys/block/" + block, folder);
    tree.link(folder + "/device", "sys/class/nvme/" + controller);
    tree.file(folder + "/mq/0/cpu_list", "0, 1");
    tree.file(folder + "/mq/1/cpu_list", "0, 1");
    tree.file(folder + "/queue/io_poll", "1");
    tree.file("sys/module/nvme/parameters/poll_queues", "1");
}

/// The format that a namespace's block device reports: 1 GiB in blocks of 512 bytes.
inline void fake_format(const fake_tree& tree, const std::string& block)
{
    const std::string folder = "sys/block/" + block;
    tree.file(folder + "/nsid", "1");
    tree.file(folder + "/size", "2097152");
    tree.file(folder + "/metadata_bytes", "0");
    tree.file(folder + "/queue/logical_block_size", "512");
}

/// The namespace nvme0n1 of `controller`, nvme0. fake_controller() makes the controller.
inline void fake_namespace(const fake_tree& tree, const std::string& controller)
{
    const std::string block = controller + "n1";
    fake_queues(tree, block, controller);
    fake_format(tree, block);
    const std::string node = "ng" + block.substr(4);
    tree.link("sys/class/nvme-generic/" + node, "sys/class/nvme/" + controller + '/' + node);
}

/// One namespace, nvme2n1, reached through nvme2 and nvme3. fake_controller() makes both.
inline void fake_multipath(const fake_tree& tree, const std::string& serial)
{
    const std::string subsystem = "sys/devices/virtual/nvme-subsystem/nvme-subsys2/";
    tree.file(subsystem + "serial", serial);
    tree.file(subsystem + "model", "A Fast Drive");
    tree.file(subsystem + "firmware_rev", "1.0");
    tree.link("sys/class/nvme-generic/ng2n1", subsystem + "ng2n1");
    tree.link("sys/block/nvme2n1", subsystem + "nvme2n1");
    fake_format(tree, "nvme2n1");
    fake_queues(tree, "nvme2c2n1", "nvme2");
    fake_queues(tree, "nvme2c3n1", "nvme3");
}

} // namespace ngpoll::test
