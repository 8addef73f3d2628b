// SPDX-License-Identifier: MIT
#include <string>

#include "../unit/catch.hpp"
#include "doctor_tree.hpp"

using namespace ngpoll::test;

namespace {

/// A process without privileges, on a machine that is healthy otherwise.
void without_rights(const fake_tree& tree)
{
    tree.file("proc/self/status", "CapEff:\t0000000000000000\nCpus_allowed_list:\t0-3");
}

/// The state of the kernel fault `name` on the kernel `release`.
std::string fault(const std::string& name, const std::string& release,
    const std::string& version = "#1 SMP", bool with_drive = false)
{
    const fake_tree tree;
    healthy_machine(tree);
    if (with_drive)
        healthy_drive(tree);
    tree.file("proc/sys/kernel/osrelease", release);
    tree.file("proc/sys/kernel/version", version);
    const std::string text = said(tree, "kernel_fault." + name);
    return text.substr(0, text.find(':'));
}

} // namespace

TEST_CASE("kernel: Linux 6.1 and newer can poll passthrough")
{
    const fake_tree tree;
    healthy_machine(tree);
    tree.file("proc/sys/kernel/osrelease", "6.1.0-40-amd64");
    CHECK(said(tree, "kernel") == "ok: Linux 6.1.0-40-amd64");
    tree.file("proc/sys/kernel/osrelease", "6.0.19");
    CHECK(said(tree, "kernel") == "slow: Linux 6.0.19");
    CHECK(fix(tree, "kernel") == "install Linux 6.1 or newer, better 7.0");
    tree.file("proc/sys/kernel/osrelease", "5.14.0-503.11.1.el9_5.x86_64");
    CHECK(said(tree, "kernel")
        == "unknown: Linux 5.14.0-503.11.1.el9_5.x86_64, with changes of newer versions");
}

TEST_CASE("poll_queues_parameter: shows the module's parameter")
{
    const fake_tree tree;
    CHECK(said(tree, "poll_queues_parameter") == "unknown: the nvme module is not loaded");
    tree.file("sys/module/nvme/parameters/poll_queues", "2");
    CHECK(said(tree, "poll_queues_parameter") == "ok: nvme.poll_queues is 2");
    tree.file("sys/module/nvme/parameters/poll_queues", "0");
    CHECK(said(tree, "poll_queues_parameter") == "slow: nvme.poll_queues is 0");
    CHECK(fix(tree, "poll_queues_parameter").find("nvme.poll_queues=2") != std::string::npos);
}

TEST_CASE("io_uring_disabled: 1 blocks unprivileged processes, 2 blocks every process")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "io_uring_disabled") == "ok: kernel.io_uring_disabled is 0");
    tree.file("proc/sys/kernel/io_uring_disabled", "1");
    CHECK(said(tree, "io_uring_disabled") == "ok: kernel.io_uring_disabled is 1");
    without_rights(tree);
    CHECK(said(tree, "io_uring_disabled") == "slow: kernel.io_uring_disabled is 1");
    healthy_machine(tree);
    tree.file("proc/sys/kernel/io_uring_disabled", "2");
    CHECK(said(tree, "io_uring_disabled") == "slow: kernel.io_uring_disabled is 2");
    CHECK(fix(tree, "io_uring_disabled") == "sysctl kernel.io_uring_disabled=0");
    tree.remove("proc/sys/kernel/io_uring_disabled");
    CHECK(said(tree, "io_uring_disabled") == "ok: this kernel has no such switch");
}

TEST_CASE("capabilities: CAP_SYS_ADMIN, or since Linux 6.2 read permission")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "capabilities") == "ok: this process has CAP_SYS_ADMIN");
    without_rights(tree);
    CHECK(said(tree, "capabilities").starts_with("unknown: no CAP_SYS_ADMIN; give a DEVICE"));
    healthy_drive(tree);
    CHECK(said(tree, "capabilities") == "ok: no CAP_SYS_ADMIN, and read permission is enough");
    tree.remove("dev/ng0n1"); // root may read every file that exists
    CHECK(said(tree, "capabilities")
        == "slow: no CAP_SYS_ADMIN and no read permission for /dev/ng0n1");
    CHECK(fix(tree, "capabilities") == "chmod a+r /dev/ng0n1");
    tree.file("proc/sys/kernel/osrelease", "6.1.0-40-amd64");
    CHECK(said(tree, "capabilities") == "slow: no CAP_SYS_ADMIN, and Linux before 6.2 asks for it");
}

TEST_CASE("memlock: the limit counts for processes without CAP_IPC_LOCK")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "memlock") == "ok: no limit for a process with CAP_IPC_LOCK");
    without_rights(tree);
    CHECK(said(tree, "memlock") == "ok: 8 MiB");
    tree.file("proc/self/limits", "Max locked memory         65536    65536    bytes     ");
    CHECK(said(tree, "memlock") == "slow: 64 KiB");
    CHECK(fix(tree, "memlock").find("memlock unlimited") != std::string::npos);
    tree.file("proc/self/limits", "Max locked memory         unlimited  unlimited  bytes     ");
    CHECK(said(tree, "memlock") == "ok: unlimited");
}

TEST_CASE("huge_pages: some huge pages of 2 MiB should be free")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "huge_pages") == "ok: 64 free pages of 2 MiB");
    tree.file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0");
    CHECK(said(tree, "huge_pages") == "slow: no free page of 2 MiB");
    CHECK(fix(tree, "huge_pages") == "sysctl vm.nr_hugepages=64");
}

TEST_CASE("governor: each processor should use the governor performance")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "governor") == "ok: performance on cpus 0-3");
    tree.file("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave");
    CHECK(said(tree, "governor") == "slow: performance on cpus 0-1,3, powersave on cpus 2");
    CHECK(fix(tree, "governor") == "cpupower frequency-set -g performance");
}

TEST_CASE("idle_states: states with a long exit latency should be off")
{
    const fake_tree tree;
    healthy_machine(tree);
    CHECK(said(tree, "idle_states") == "ok: none in use takes more than 20 us to leave");
    tree.file("sys/devices/system/cpu/cpu3/cpuidle/state1/disable", "0");
    CHECK(said(tree, "idle_states") == "slow: in use: C6 (133 us)");
    CHECK(fix(tree, "idle_states") == "cpupower idle-set -D 20");
}

TEST_CASE("a fault counts from the first version that has it to the version that fixes it")
{
    CHECK(fault("two_rings_by_bio", "6.4.16") == "unsafe");
    CHECK(fault("two_rings_by_bio", "6.5.0") == "ok");
    CHECK(fault("commands_without_data", "6.1.176") == "unsafe");
    CHECK(fault("commands_without_data", "6.5.0") == "ok");
    CHECK(fault("two_rings_by_bio", "6.0.19") == "ok"); // this kernel cannot poll passthrough
    CHECK(fault("task_work_completions", "6.19.3") == "slow");
    CHECK(fault("task_work_completions", "7.0.0") == "ok");
    // No release has the fault, because it came together with its fix.
    CHECK(fault("out_of_order_list", "7.0.0") == "ok");
    CHECK(fault("out_of_order_list", "6.19.0") == "ok");
}

TEST_CASE("between the tested versions a fault is unknown")
{
    CHECK(fault("killed_with_io_in_flight", "6.12.95+deb12-amd64") == "unsafe");
    CHECK(fault("killed_with_io_in_flight", "6.17.2") == "unknown");
    CHECK(fault("killed_with_io_in_flight", "7.2.12+deb13-amd64") == "ok");
    CHECK(fault("more_in_flight_than_tags", "6.12.95") == "unsafe");
    CHECK(fault("more_in_flight_than_tags", "7.3.4") == "ok");
    CHECK(fault("two_rings_by_bio", "5.14.0-503.el9.x86_64") == "unknown");
}

TEST_CASE("a stable kernel has its own fixes if its number can be read")
{
    const std::string name = "foreign_completions";
    CHECK(fault(name, "6.12.34") == "unsafe");
    CHECK(fault(name, "6.12.35") == "ok");
    CHECK(fault(name, "6.12.95+deb12-amd64") == "ok");
    CHECK(fault(name, "6.14.2") == "unsafe");
    CHECK(fault(name, "6.16.0") == "ok");
    CHECK(fault(name, "6.6.95") == "unsafe");
    CHECK(fault(name, "6.6.96") == "unknown"); // the fix was only queued for this release
    CHECK(fault(name, "6.1.0-40-amd64") == "unknown");
    CHECK(fault(name, "6.1.0-10-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.38-1 (2023-07-14)")
        == "unsafe");
    CHECK(fault(name, "6.12.0-59-generic", "#61-Ubuntu SMP") == "unknown");
}

TEST_CASE("the command against a fault names a drive if there is one")
{
    const fake_tree tree;
    healthy_machine(tree);
    tree.file("proc/sys/kernel/osrelease", "6.12.95");
    const std::string name = "kernel_fault.more_in_flight_than_tags";
    CHECK(fix(tree, name).ends_with(" cat /sys/block/NAME/queue/nr_requests"));
    healthy_drive(tree);
    CHECK(fix(tree, name).ends_with(" cat /sys/block/nvme0n1/queue/nr_requests"));
}

TEST_CASE("a fault with a condition counts if a drive meets it")
{
    CHECK(fault("tcp", "6.12.95") == "unknown");
    CHECK(fault("tcp", "6.12.95", "", true) == "ok");
    CHECK(fault("two_rings_with_scheduler", "7.3.4", "", true) == "ok");

    const fake_tree tree;
    healthy_machine(tree);
    healthy_drive(tree);
    tree.file("sys/class/nvme/nvme0/transport", "tcp");
    CHECK(said(tree, "kernel_fault.tcp").starts_with("unsafe: Linux 7.3.4-amd64 has it"));
    tree.file("sys/block/nvme0n1/queue/scheduler", "none [kyber]");
    CHECK(said(tree, "kernel_fault.two_rings_with_scheduler").starts_with("unsafe: "));
    CHECK(fix(tree, "kernel_fault.two_rings_with_scheduler")
        == "echo none > /sys/block/nvme0n1/queue/scheduler");
}
