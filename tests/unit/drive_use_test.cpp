// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <ngpoll/drive_use.hpp>

#include "catch.hpp"
#include "fake_tree.hpp"
#include "linux/block_devices.hpp"

using namespace ngpoll;

namespace {

/// Holds /sys, /proc and /dev of a machine on which /dev/null, 1:3, is the passthrough device
/// ng7n2.
class machine : public ngpoll::test::fake_tree {
public:
    machine()
    {
        link("sys/dev/char/1:3", "sys/devices/nvme/nvme7/ng7n2");
        drive("nvme7n2", "259:0");
        mounts({});
        file("proc/swaps", "Filename\tType\tSize\tUsed\tPriority");
    }
    void drive(const std::string& name, const std::string& number) const
    {
        file("sys/block/" + name + "/dev", number);
        file("sys/block/" + name + "/size", "2097152");
        link("sys/class/block/" + name, "sys/block/" + name);
        file("dev/" + name, "");
    }
    void partition(const std::string& name, const std::string& number) const
    {
        const std::string folder = "sys/block/" + name.substr(0, name.rfind('p')) + "/" + name;
        file(folder + "/partition", "1");
        file(folder + "/dev", number);
        link("sys/class/block/" + name, folder);
        file("dev/" + name, "");
    }
    /// Each entry is a mount's device number, place and source.
    void mounts(const std::vector<std::array<std::string, 3>>& all) const
    {
        std::string text = "22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw";
        for (const auto& [number, place, source] : all)
            text += "\n30 22 " + number + " / " + place + " rw,relatime shared:1 - ext4 " + source
                + " rw";
        file("proc/self/mountinfo", text);
    }
    void swap(const std::string& path) const
    {
        file("proc/swaps",
            "Filename\tType\tSize\tUsed\tPriority\n" + path + " partition\t1048572\t0\t-2");
    }
    void opened(const std::string& process, const std::string& program, const std::string& path,
        const std::string& flags) const
    {
        const std::string folder = "proc/" + process;
        file(folder + "/comm", program);
        file(folder + "/fdinfo/3", "pos:\t0\nflags:\t" + flags + "\nmnt_id:\t24");
        std::filesystem::create_directories(root() + "/" + folder + "/fd");
        std::filesystem::create_symlink(path, root() + "/" + folder + "/fd/3");
    }
    /// One line for each use, such as "mount: mounted on /home | umount /home", and one for each
    /// unknown.
    [[nodiscard]] std::string use() const
    {
        const drive_use found = read_drive_use("/dev/null", root());
        std::string text;
        for (const drive_user& user : found.users)
            text += std::string(kind_text(user.what)) + ": " + user.text
                + (user.release.empty() ? "" : " | " + user.release) + '\n';
        return text + found.unknown;
    }
};

} // namespace

TEST_CASE("a drive that nothing uses has no users, and nothing about it is unknown")
{
    const machine here;
    here.partition("nvme7n2p1", "259:1");
    here.drive("nvme7n20", "259:9"); // other drives, which are in use
    here.drive("nvme0n1", "259:8");
    here.mounts({{"259:9", "/", "/dev/nvme7n20"}, {"259:8", "/home", "/dev/nvme0n1"}});
    here.swap("/dev/nvme7n20");
    here.link("sys/block/nvme0n1/holders/md0", "sys/block/md0");
    here.opened("812", "blkid", "/dev/nvme7n2", "0100000");
    CHECK(here.use().empty());
}

TEST_CASE("each use of a namespace is found and named, with the command that ends it")
{
    const machine here;
    SECTION("mounted on a path with a blank")
    {
        here.mounts({{"259:0", "/my\\040home", "/dev/nvme7n2"}});
        CHECK(here.use() == "mount: mounted on /my home | umount /my home\n");
    }
    SECTION("mounted in several places")
    {
        here.mounts({{"259:0", "/a", "/dev/root"}, {"259:0", "/b", "/dev/root"},
            {"259:0", "/c", "/dev/root"}});
        CHECK(here.use() == "mount: mounted on /a and 2 more places | umount -A /dev/nvme7n2\n");
    }
    SECTION("mounted under a device number that is not the device's, as btrfs does")
    {
        here.mounts({{"0:45", "/a", "/dev/nvme7n2"}});
        CHECK(here.use() == "mount: mounted on /a | umount /a\n");
    }
    SECTION("mounted through a link to the device")
    {
        here.link("dev/disk/by-label/x", "dev/disk/by-label");
        here.remove("dev/disk/by-label/x");
        std::filesystem::create_symlink("../../nvme7n2", here.root() + "/dev/disk/by-label/x");
        here.mounts({{"0:45", "/a", "/dev/disk/by-label/x"}});
        CHECK(here.use() == "mount: mounted on /a | umount /a\n");
    }
    SECTION("swap")
    {
        here.swap("/dev/nvme7n2");
        CHECK(here.use() == "swap: swap | swapoff /dev/nvme7n2\n");
    }
    SECTION("device mapper")
    {
        const std::string dm = "sys/block/dm-0/dm/";
        here.link("sys/block/nvme7n2/holders/dm-0", "sys/block/dm-0");
        here.link("sys/class/block/dm-0", "sys/block/dm-0");
        here.file(dm + "name", "big--vg-home");
        here.file(dm + "uuid", "LVM-abc");
        CHECK(here.use() == "lvm: dm-0 (big--vg-home, LVM) | vgchange -an big-vg\n");
        here.file(dm + "uuid", "CRYPT-LUKS2-abc");
        CHECK(here.use()
            == "device_mapper: dm-0 (big--vg-home, crypt) | cryptsetup close big--vg-home\n");
        here.file(dm + "uuid", "mpath-abc");
        CHECK(here.use()
            == "device_mapper: dm-0 (big--vg-home, multipath) | multipath -f big--vg-home\n");
        here.file(dm + "uuid", "");
        CHECK(here.use() == "device_mapper: dm-0 (big--vg-home) | dmsetup remove big--vg-home\n");
    }
    SECTION("md and other holders")
    {
        here.link("sys/block/nvme7n2/holders/md127", "sys/block/md127");
        CHECK(here.use() == "md: md127 | mdadm --stop /dev/md127\n");
        here.remove("sys/block/nvme7n2/holders/md127");
        here.link("sys/block/nvme7n2/holders/bcache0", "sys/block/bcache0");
        CHECK(here.use() == "other_device: bcache0\n");
    }
    SECTION("open for writing")
    {
        here.opened("812", "qemu-system-x86", "/dev/nvme7n2", "0140002");
        CHECK(here.use() == "writer: open for writing in process 812 (qemu-system-x86)\n");
    }
}

TEST_CASE("a descriptor that another file gets while it is read is not a use of the drive")
{
    const machine here;
    here.opened("931", "fio", "/dev/nvme7n2", "02");
    const std::string folder = here.root() + "/proc/931";
    const std::string flags = folder + "/fdinfo/3";
    here.remove("proc/931/fdinfo/3");
    REQUIRE(::mkfifo(flags.c_str(), 0600) == 0);
    int written = 0;
    std::thread process([&] {
        const int fifo = ::open(flags.c_str(), O_WRONLY); // returns when somebody reads the flags
        std::filesystem::remove(folder + "/fd/3");
        std::filesystem::create_symlink("anon_inode:[io_uring]", folder + "/fd/3");
        written = ::dprintf(fifo, "flags:\t02\n");
        ::close(fifo);
    });
    CHECK(here.use().empty());
    const int unread = ::open(flags.c_str(), O_RDONLY | O_NONBLOCK); // if nobody read the flags
    process.join();
    ::close(unread);
    CHECK(written > 0);
}

TEST_CASE("partitions in use count as uses of the drive, each by its name")
{
    const machine here;
    for (const std::string n : {"1", "2", "3", "4"})
        here.partition("nvme7n2p" + n, "259:" + n);
    here.mounts({{"259:1", "/", "/dev/root"}});
    here.swap("/dev/nvme7n2p2");
    here.link("sys/block/nvme7n2/nvme7n2p3/holders/md0", "sys/block/md0");
    here.opened("7", "sh", "/dev/nvme7n2p4", "01");
    const std::string use = here.use();
    CAPTURE(use);
    CHECK(use.find("mount: partition nvme7n2p1 mounted on / | umount /\n") != std::string::npos);
    CHECK(
        use.find("swap: partition nvme7n2p2 swap | swapoff /dev/nvme7n2p2\n") != std::string::npos);
    CHECK(
        use.find("md: partition nvme7n2p3 in md0 | mdadm --stop /dev/md0\n") != std::string::npos);
    CHECK(use.find("writer: partition nvme7n2p4 open for writing in process 7 (sh)\n")
        != std::string::npos);
}

TEST_CASE("the same namespace behind another controller counts")
{
    const machine here;
    here.drive("nvme8n2", "259:5");
    here.mounts({{"259:5", "/a", "/dev/nvme8n2"}});
    here.file("sys/block/nvme7n2/wwid", "eui.0025385b61b0a1c2");
    here.link("sys/block/nvme7n2/device", "sys/devices/nvme7");
    here.file("sys/devices/nvme7/serial", "S4 EV   ");
    SECTION("it is recognised by its identifier and its serial")
    {
        here.file("sys/block/nvme8n2/wwid", "eui.0025385b61b0a1c2");
        here.link("sys/block/nvme8n2/device", "sys/devices/nvme8");
        here.file("sys/devices/nvme8/serial", "S4 EV   ");
        CHECK(here.use() == "mount: nvme8n2 mounted on /a | umount /a\n");
        // The maker gave another drive the same identifier.
        here.file("sys/devices/nvme8/serial", "S4 EW   ");
        CHECK(here.use().empty());
    }
    SECTION("a namespace without an identifier matches no other")
    {
        here.remove("sys/block/nvme7n2/wwid");
        CHECK(here.use().empty());
    }
    SECTION("a path of a multipath node does not count, because nobody can open it")
    {
        here.drive("nvme7c0n2", "259:6");
        here.file("sys/block/nvme7c0n2/hidden", "1");
        here.file("sys/block/nvme7c0n2/wwid", "eui.0025385b61b0a1c2");
        here.link("sys/block/nvme7c0n2/device", "sys/devices/nvme8");
        here.file("sys/devices/nvme8/serial", "S4 EV   ");
        CHECK(block_devices_of(makedev(1, 3), here.root()).found.size() == 1);
    }
}

TEST_CASE("a use that cannot be found out is reported as unknown")
{
    const machine here;
    SECTION("a drive without a block device")
    {
        here.remove("sys/block/nvme7n2");
        CHECK(here.use() == "it has no block device");
    }
    SECTION("a block device of size 0; its uses are still reported")
    {
        here.file("sys/block/nvme7n2/size", "0");
        here.link("sys/block/nvme7n2/holders/md0", "sys/block/md0");
        CHECK(here.use()
            == "md: md0 | mdadm --stop /dev/md0\nits block device, nvme7n2, has size 0, as with "
               "metadata that Linux cannot handle");
    }
    SECTION("a machine without sysfs")
    {
        here.remove("sys");
        CHECK(here.use() == "sysfs does not show which block device is beside it");
    }
    CHECK(read_drive_use("/dev", here.root()).unknown == "/dev is no passthrough device");
    CHECK(read_drive_use("emu:", here.root()).unknown.empty());
}

TEST_CASE("a drive is named by its serial, or by its address if it has none")
{
    const machine here;
    namespace_info info;
    info.path = "/dev/null";
    info.serial = "  S4 EV";
    info.nsid = 2;
    CHECK(serial_and_nsid(info, here.root()) == "S4 EV:2");
    info.serial = "";
    CHECK(serial_and_nsid(info, here.root()) == ":2");
    here.file("sys/devices/nvme/nvme7c1/address", "0000:05:00.0");
    here.link("sys/block/nvme7c1n2/device", "sys/devices/nvme/nvme7c1");
    // The address is of the controller behind a multipath node.
    CHECK(serial_and_nsid(info, here.root()) == "0000:05:00.0:2");
    here.link("sys/devices/nvme/nvme7/ng7n2/device", "sys/devices/nvme/nvme7");
    here.file("sys/devices/nvme/nvme7/address", "0000:04:00.0");
    CHECK(serial_and_nsid(info, here.root()) == "0000:04:00.0:2");
}

TEST_CASE("opening a block device exclusively waits for programs that only look at it")
{
    const machine here;
    here.drive("nvme8n2", "259:5");
    for (const std::string name : {"nvme7", "nvme8"}) {
        here.file("sys/block/" + name + "n2/wwid", "eui.1");
        here.link("sys/block/" + name + "n2/device", "sys/devices/" + name);
        here.file("sys/devices/" + name + "/serial", "S");
    }
    const block_devices devices = block_devices_of(makedev(1, 3), here.root());
    REQUIRE(devices.found.size() == 2);
    std::vector<int> answers;
    std::vector<std::string> opened;
    const auto open = [&](const std::string& node, dev_t expected) {
        opened.push_back(node.substr(here.root().size()) + " " + std::to_string(minor(expected)));
        const int answer = answers.empty() ? -EBUSY : answers.front();
        if (!answers.empty())
            answers.erase(answers.begin());
        return answer == 0 ? ::dup(1) : answer;
    };
    SECTION("all devices are free")
    {
        answers = {-EBUSY, -EBUSY, 0, 0};
        const exclusive_claim claim = claim_exclusively(devices, here.root(), open);
        CHECK(claim.held.size() == 2);
        CHECK_FALSE(claim.has_other_holder);
        CHECK(claim.unknown.empty());
        CHECK(opened
            == std::vector<std::string>{
                "/dev/nvme7n2 0", "/dev/nvme7n2 0", "/dev/nvme7n2 0", "/dev/nvme8n2 5"});
    }
    SECTION("another program keeps the device")
    {
        answers = {0};
        CHECK(claim_exclusively(devices, here.root(), open).has_other_holder);
        here.opened("812", "mdadm", "/dev/nvme7n2", "0100000");
        CHECK(holders_of(devices, here.root()).at(0).text == "held by process 812 (mdadm)");
        here.remove("proc/812");
        CHECK(holders_of(devices, here.root()).at(0).text.starts_with("held by the kernel"));
        here.swap("/dev/nvme8n2"); // the swap appeared in the meantime
        CHECK(holders_of(devices, here.root()).at(0).text == "nvme8n2 swap");
    }
    SECTION("the device cannot be opened")
    {
        answers = {0, -EACCES};
        const exclusive_claim claim = claim_exclusively(devices, here.root(), open);
        CHECK(claim.unknown.find("nvme8n2, cannot be opened (Permission") != std::string::npos);
        answers = {-ENODEV, 0};
        CHECK(claim_exclusively(devices, here.root(), open).unknown.ends_with("is not there"));
        CHECK(opened.size() == 4);
    }
}

TEST_CASE("an emulated drive needs no permit and gets one under any name")
{
    const nvme_namespace drive = nvme_namespace::open("emu:size=1M");
    const write_permit permit = write_permit::take(drive, {});
    CHECK(permit.unchecked().empty());
}
