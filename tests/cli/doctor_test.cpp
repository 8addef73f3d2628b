// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "../unit/catch.hpp"
#include "doctor_tree.hpp"

using namespace ngpoll::cli;
using namespace ngpoll::test;

namespace {

const std::vector<std::string> kMachineNames
    = {"kernel", "poll_queues_parameter", "io_uring_disabled", "capabilities", "memlock",
        "huge_pages", "governor", "idle_states", "kernel_fault.two_rings_by_bio",
        "kernel_fault.commands_without_data", "kernel_fault.foreign_completions",
        "kernel_fault.task_work_completions", "kernel_fault.out_of_order_list",
        "kernel_fault.killed_with_io_in_flight", "kernel_fault.more_in_flight_than_tags",
        "kernel_fault.tcp", "kernel_fault.two_rings_with_scheduler"};
const std::vector<std::string> kDriveNames
    = {"poll_queues", "poll_queue_processors", "iostats", "nomerges", "scheduler", "numa_node",
        "iommu", "pcie_link", "lba_format", "multipath", "transport"};

std::vector<std::string> names_of(const std::vector<check>& checks)
{
    std::vector<std::string> names;
    for (const check& each : checks)
        names.push_back(each.name);
    return names;
}

bool has(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("without any file each check appears once, as unknown")
{
    const fake_tree tree;
    const std::vector<check> checks = check_all(examine({}, tree.root()));
    std::vector<std::string> names = kMachineNames;
    names.insert(names.end(), kDriveNames.begin(), kDriveNames.end());
    CHECK(names_of(checks) == names);
    for (const check& each : checks) {
        CAPTURE(each.name);
        // io_uring_disabled counts as absent if it cannot be read, and then io_uring is allowed.
        CHECK((each.told.state == check_state::unknown || each.name == "io_uring_disabled"));
        CHECK_FALSE(each.told.found.empty());
        CHECK_FALSE(each.why.empty());
        CHECK(each.device.empty());
    }
    CHECK(has(said(tree, "iostats"), "needs a DEVICE"));
}

TEST_CASE("on a healthy machine no check is slow or unsafe")
{
    const fake_tree tree;
    healthy_machine(tree);
    healthy_drive(tree);
    tree.file("sys/module/nvme/parameters/poll_queues", "1");
    for (const check& each : check_all(examine({}, tree.root()))) {
        CAPTURE(each.name);
        CAPTURE(each.told.found);
        // The drive is a plain file here, which does not answer about its formats.
        CHECK((each.told.state == check_state::ok || each.name == "lba_format"));
        CHECK((each.told.fix.empty() || each.told.state != check_state::ok));
    }
}

TEST_CASE("each drive has its own lines, and only the given drives are checked")
{
    const fake_tree tree;
    healthy_machine(tree);
    healthy_drive(tree);
    fake_controller(tree, "nvme1", "SN1");
    fake_namespace(tree, "nvme1");
    const std::vector<check> both = check_all(examine({}, tree.root()));
    CHECK(both.size() == kMachineNames.size() + 2 * kDriveNames.size());
    const std::vector<check> one = check_all(examine({"/dev/ng1n1"}, tree.root()));
    CHECK(one.size() == kMachineNames.size() + kDriveNames.size());
    CHECK(one.back().device == "/dev/ng1n1");
    // The name of its block device is accepted, too.
    CHECK(check_all(examine({"/dev/nvme1n1"}, tree.root())).back().device == "/dev/ng1n1");
    for (const char* const wrong : {"/dev/ng7n1", "emu:", "", "/dev/sda", "nvm", "ng"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(examine({wrong}, tree.root()), std::invalid_argument);
    }
}

TEST_CASE("the text has a line, a reason and a command for each check, and counts the checks")
{
    const fake_tree tree;
    healthy_machine(tree);
    healthy_drive(tree);
    tree.file("sys/block/nvme0n1/queue/iostats", "1");
    tree.file("sys/block/nvme0n1/queue/scheduler", "none [mq-deadline]");
    const std::string text = doctor_text(check_all(examine({}, tree.root())));
    CHECK(has(text, "\n/dev/ng0n1\nok      poll_queues: 1\n"));
    CHECK(has(text,
        "slow    iostats: 1\n"
        "        why: To count I/Os the kernel reads the clock twice for each I/O. 8 %\n"
        "             more IOPS were reported without it.\n"
        "        fix: echo 0 > /sys/block/nvme0n1/queue/iostats\n"
        "ok      nomerges: 2\n"));
    // The scheduler, and the kernel fault that needs a scheduler.
    CHECK(text.ends_with("2 unsafe, 1 slow, 1 unknown, 24 ok\n"));
}

TEST_CASE("the JSON has the name, state, found, why and fix of each check")
{
    const fake_tree tree;
    healthy_machine(tree);
    healthy_drive(tree);
    tree.file("sys/block/nvme0n1/queue/nomerges", "0");
    const examined_system all = examine({}, tree.root());
    const std::string text = doctor_json(check_all(all), all);
    CHECK(has(text, R"("kernel": "7.3.4-amd64",
  "devices": [
    "/dev/ng0n1"
  ],
  "checks": [
    {
      "name": "kernel",
      "device": null,
      "state": "ok",
      "found": "Linux 7.3.4-amd64",
      "why": "Linux 6.1 is the first version that polls passthrough.",
      "fix": null
    },)"));
    CHECK(has(text, R"(
      "name": "nomerges",
      "device": "/dev/ng0n1",
      "state": "slow",
      "found": "0",
      "why": "The block path, )"));
    CHECK(has(text, R"(Passthrough itself does not.",
      "fix": "echo 2 > /sys/block/nvme0n1/queue/nomerges"
    },)"));
}
