// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>
#include <vector>

#include <ngpoll/hardware_queues.hpp>

#include "catch.hpp"
#include "fake_tree.hpp"

using ngpoll::hardware_queue_map;
using ngpoll::read_hardware_queues;

namespace {

/// A drive's side of it.
class drive_tree : public ngpoll::test::fake_tree {
public:
    /// Sysfs's side of a namespace: one list of processors a queue.
    void sysfs(const std::string& block, const std::vector<std::string>& queues) const
    {
        file("sys/block/" + block + "/queue/io_poll", "1");
        for (std::size_t i = 0; i < queues.size(); ++i)
            file("sys/block/" + block + "/mq/" + std::to_string(i) + "/cpu_list", queues[i]);
    }
    /// A queue in debugfs.
    void hctx(const std::string& block, int index, const std::string& type,
        const std::vector<int>& cpus) const
    {
        const std::string folder
            = "sys/kernel/debug/block/" + block + "/hctx" + std::to_string(index);
        file(folder + "/type", type);
        file(folder + "/ctx_map", "00000000"); // one of the names beside them
        for (const int cpu : cpus)
            file(folder + "/cpu" + std::to_string(cpu) + "/poll_rq_list", "");
    }
    void poll_queues(const std::string& text) const
    {
        file("sys/module/nvme/parameters/poll_queues", text);
    }

    [[nodiscard]] hardware_queue_map map(const std::string& path = "/dev/ng0n1") const
    {
        return read_hardware_queues(path, root());
    }
};

/// "2:1 3:0": each queue's index and its processors.
std::string text(const hardware_queue_map& map)
{
    std::string all;
    for (const auto& queue : map.poll_queues) {
        all += all.empty() ? "" : " ";
        all += std::to_string(queue.index);
        for (std::size_t i = 0; i < queue.cpus.size(); ++i) {
            all += i == 0 ? ':' : ',';
            all += std::to_string(queue.cpus[i]);
        }
    }
    return all;
}

/// Two processors, two poll queues, as Linux 7.2 has them: not in order.
void two_of_two(const drive_tree& tree)
{
    tree.sysfs("nvme0n1", {"1", "0", "1", "0"});
    tree.poll_queues("2");
}

} // namespace

TEST_CASE("debugfs tells the poll queues and their processors")
{
    const drive_tree tree;
    two_of_two(tree);
    tree.poll_queues("7"); // not looked at
    tree.hctx("nvme0n1", 0, "default", {1});
    tree.hctx("nvme0n1", 1, "read", {0});
    tree.hctx("nvme0n1", 2, "poll", {1});
    tree.hctx("nvme0n1", 3, "poll", {});
    tree.hctx("nvme0n1", 10, "poll", {10, 9, 0});
    CHECK(text(tree.map()) == "2:1 10:0,9,10");
    CHECK(tree.map().unknown.empty());
}

TEST_CASE("a drive without poll queues has none, and that is known")
{
    const drive_tree tree;
    two_of_two(tree);
    SECTION("by debugfs") { tree.hctx("nvme0n1", 0, "default", {0, 1}); }
    SECTION("by sysfs") { tree.file("sys/block/nvme0n1/queue/io_poll", "0"); }
    CHECK(text(tree.map()).empty());
    CHECK(tree.map().unknown.empty());
}

TEST_CASE("without debugfs the last queues in sysfs are the poll queues")
{
    const drive_tree tree;
    two_of_two(tree);
    SECTION("one a processor") { CHECK(text(tree.map()) == "2:1 3:0"); }
    SECTION("a debugfs that does not tell the kinds, as before 5.0")
    {
        tree.hctx("nvme0n1", 0, "default", {1});
        tree.remove("sys/kernel/debug/block/nvme0n1/hctx0/type");
        CHECK(text(tree.map()) == "2:1 3:0");
    }
    SECTION("more than ten queues, in the order of their numbers")
    {
        tree.sysfs("nvme0n1",
            {"0", "1", "2", "3", "4", "5", "6", "7", "8", "0, 1, 2", "3, 4, 5, 6", "7, 8"});
        tree.poll_queues("3");
        CHECK(text(tree.map()) == "9:0,1,2 10:3,4,5,6 11:7,8");
    }
    SECTION("queues of their own for reads")
    {
        tree.sysfs("nvme0n1", {"0, 1", "0", "1", "0, 1"});
        tree.poll_queues("1");
        CHECK(text(tree.map()) == "3:0,1");
    }
    SECTION("a poll queue without processors")
    {
        tree.sysfs("nvme0n1", {"0, 1", "0", "1", ""});
        tree.poll_queues("3");
        CHECK(text(tree.map()) == "1:0 2:1");
    }
    CHECK(tree.map().unknown.empty());
}

TEST_CASE("what does not fit together is not known, and the text says what")
{
    const drive_tree tree;
    two_of_two(tree);
    std::string why;
    SECTION("a parameter written after the driver was loaded, too low")
    {
        tree.poll_queues("1");
        why = "poll_queues, 1, is not what";
    }
    SECTION("or too high")
    {
        tree.poll_queues("3");
        why = "poll_queues, 3, is not what";
    }
    SECTION("or none")
    {
        tree.poll_queues("0");
        why = "poll_queues, 0, is not what";
    }
    SECTION("or above all there are")
    {
        tree.poll_queues("5");
        why = "poll_queues, 5, is not what";
    }
    SECTION("or so that queues for reads would be among them")
    {
        tree.sysfs("nvme0n1", {"0, 1", "0", "1", "0, 1"});
        tree.poll_queues("3");
        why = "poll_queues, 3, is not what";
    }
    SECTION("or of queues without any processor")
    {
        tree.sysfs("nvme0n1", {"", "", "", ""});
        tree.poll_queues("5");
        why = "poll_queues, 5, is not what";
    }
    SECTION("a processor that only a poll queue has")
    {
        tree.sysfs("nvme0n1", {"0", "0", "0", "0, 1"});
        tree.poll_queues("1");
        why = "poll_queues, 1, is not what";
    }
    SECTION("no parameter")
    {
        tree.remove("sys/module");
        why = "poll_queues can be read";
    }
    SECTION("a list of another form")
    {
        tree.file("sys/block/nvme0n1/mq/1/cpu_list", "0-1");
        why = "mq cannot be read";
    }
    SECTION("no word on polling")
    {
        tree.remove("sys/block/nvme0n1/queue");
        why = "lists them";
    }
    SECTION("no namespace")
    {
        tree.remove("sys/block");
        why = "no queues of nvme0n1";
    }
    CAPTURE(tree.map().unknown);
    CHECK(text(tree.map()).empty());
    REQUIRE_FALSE(why.empty());
    CHECK(tree.map().unknown.find(why) != std::string::npos);
}

TEST_CASE("a name that is no passthrough device's has no map")
{
    const drive_tree tree;
    two_of_two(tree);
    CHECK(tree.map("/dev/disk").unknown == "/dev/disk is not called ngXnY");
    CHECK(tree.map("ng0n1").unknown.empty());
    CHECK_FALSE(tree.map("/dev/ng").unknown.empty());
    CHECK_FALSE(tree.map("").unknown.empty());
}

TEST_CASE("behind a multipath node the only path's map counts")
{
    const drive_tree tree;
    tree.file("sys/block/nvme0n1/queue/io_poll", "1");
    tree.sysfs("nvme0c3n1", {"0, 1", "0", "1"});
    tree.sysfs("nvme0c3n11", {"0, 1", "0, 1"}); // another namespace's
    tree.sysfs("nvme0c3n2", {"0, 1", "0, 1"});
    tree.sysfs("nvme1c0n1", {"0, 1", "0, 1"}); // another drive's
    tree.poll_queues("2");
    CHECK(text(tree.map()) == "1:0 2:1");

    tree.hctx("nvme0c3n1", 0, "default", {0, 1});
    tree.hctx("nvme0c3n1", 1, "poll", {1, 0});
    CHECK(text(tree.map()) == "1:0,1");

    tree.sysfs("nvme0c4n1", {"0, 1", "0", "1"});
    CHECK(text(tree.map()).empty());
    CHECK(tree.map().unknown == "/dev/ng0n1 has 2 paths");
}
