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

/// The files that describe a drive's queues.
class drive_tree : public ngpoll::test::fake_tree {
public:
    /// The files in sysfs of a namespace: for each queue a list of processors.
    void sysfs(const std::string& block, const std::vector<std::string>& queues) const
    {
        file("sys/block/" + block + "/queue/io_poll", "1");
        for (std::size_t i = 0; i < queues.size(); ++i)
            file("sys/block/" + block + "/mq/" + std::to_string(i) + "/cpu_list", queues[i]);
    }
    /// The files in debugfs of one queue.
    void hctx(const std::string& block, int index, const std::string& type,
        const std::vector<int>& cpus) const
    {
        const std::string folder
            = "sys/kernel/debug/block/" + block + "/hctx" + std::to_string(index);
        file(folder + "/type", type);
        file(folder + "/ctx_map", "00000000"); // one of the other files in the folder
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

/// Each queue's index and processors, such as "2:1 3:0".
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

/// Two processors and two poll queues, in the order that Linux 7.2 gives them.
void two_of_two(const drive_tree& tree)
{
    tree.sysfs("nvme0n1", {"1", "0", "1", "0"});
    tree.poll_queues("2");
}

} // namespace

TEST_CASE("debugfs shows the poll queues and their processors")
{
    const drive_tree tree;
    two_of_two(tree);
    tree.poll_queues("7"); // not read
    tree.hctx("nvme0n1", 0, "default", {1});
    tree.hctx("nvme0n1", 1, "read", {0});
    tree.hctx("nvme0n1", 2, "poll", {1});
    tree.hctx("nvme0n1", 3, "poll", {});
    tree.hctx("nvme0n1", 10, "poll", {10, 9, 0});
    CHECK(text(tree.map()) == "2:1 10:0,9,10");
    CHECK(tree.map().unknown.empty());
}

TEST_CASE("a drive without poll queues has an empty map and no unknowns")
{
    const drive_tree tree;
    two_of_two(tree);
    SECTION("debugfs shows it") { tree.hctx("nvme0n1", 0, "default", {0, 1}); }
    SECTION("sysfs shows it") { tree.file("sys/block/nvme0n1/queue/io_poll", "0"); }
    CHECK(text(tree.map()).empty());
    CHECK(tree.map().unknown.empty());
}

TEST_CASE("without debugfs the last queues in sysfs are the poll queues")
{
    const drive_tree tree;
    two_of_two(tree);
    SECTION("one queue for each processor") { CHECK(text(tree.map()) == "2:1 3:0"); }
    SECTION("a debugfs that does not show the types, as before Linux 5.0")
    {
        tree.hctx("nvme0n1", 0, "default", {1});
        tree.remove("sys/kernel/debug/block/nvme0n1/hctx0/type");
        CHECK(text(tree.map()) == "2:1 3:0");
    }
    SECTION("more than ten queues, which are sorted by number")
    {
        tree.sysfs("nvme0n1",
            {"0", "1", "2", "3", "4", "5", "6", "7", "8", "0, 1, 2", "3, 4, 5, 6", "7, 8"});
        tree.poll_queues("3");
        CHECK(text(tree.map()) == "9:0,1,2 10:3,4,5,6 11:7,8");
    }
    SECTION("separate queues for reads")
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

TEST_CASE("contradictory files give no map and a text that says why")
{
    const drive_tree tree;
    two_of_two(tree);
    std::string why;
    SECTION("the parameter was changed after the driver was loaded, and is too low")
    {
        tree.poll_queues("1");
        why = "poll_queues, 1, is not what";
    }
    SECTION("the parameter is too high")
    {
        tree.poll_queues("3");
        why = "poll_queues, 3, is not what";
    }
    SECTION("the parameter is 0")
    {
        tree.poll_queues("0");
        why = "poll_queues, 0, is not what";
    }
    SECTION("the parameter is higher than the number of queues")
    {
        tree.poll_queues("5");
        why = "poll_queues, 5, is not what";
    }
    SECTION("the parameter would include queues for reads")
    {
        tree.sysfs("nvme0n1", {"0, 1", "0", "1", "0, 1"});
        tree.poll_queues("3");
        why = "poll_queues, 3, is not what";
    }
    SECTION("the parameter counts queues without any processor")
    {
        tree.sysfs("nvme0n1", {"", "", "", ""});
        tree.poll_queues("5");
        why = "poll_queues, 5, is not what";
    }
    SECTION("a processor has no queue but a poll queue")
    {
        tree.sysfs("nvme0n1", {"0", "0", "0", "0, 1"});
        tree.poll_queues("1");
        why = "poll_queues, 1, is not what";
    }
    SECTION("the parameter is missing")
    {
        tree.remove("sys/module");
        why = "poll_queues can be read";
    }
    SECTION("a list of processors has an unknown format")
    {
        tree.file("sys/block/nvme0n1/mq/1/cpu_list", "0-1");
        why = "mq cannot be read";
    }
    SECTION("io_poll is missing")
    {
        tree.remove("sys/block/nvme0n1/queue");
        why = "lists them";
    }
    SECTION("the namespace is missing")
    {
        tree.remove("sys/block");
        why = "no queues of nvme0n1";
    }
    CAPTURE(tree.map().unknown);
    CHECK(text(tree.map()).empty());
    REQUIRE_FALSE(why.empty());
    CHECK(tree.map().unknown.find(why) != std::string::npos);
}

TEST_CASE("a path that is no passthrough device has no map")
{
    const drive_tree tree;
    two_of_two(tree);
    CHECK(tree.map("/dev/disk").unknown == "/dev/disk is not called ngXnY");
    CHECK(tree.map("ng0n1").unknown.empty());
    CHECK_FALSE(tree.map("/dev/ng").unknown.empty());
    CHECK_FALSE(tree.map("").unknown.empty());
}

TEST_CASE("behind a multipath node with one path that path's map counts")
{
    const drive_tree tree;
    tree.file("sys/block/nvme0n1/queue/io_poll", "1");
    tree.sysfs("nvme0c3n1", {"0, 1", "0", "1"});
    tree.sysfs("nvme0c3n11", {"0, 1", "0, 1"}); // of another namespace
    tree.sysfs("nvme0c3n2", {"0, 1", "0, 1"});
    tree.sysfs("nvme1c0n1", {"0, 1", "0, 1"}); // of another drive
    tree.poll_queues("2");
    CHECK(text(tree.map()) == "1:0 2:1");

    tree.hctx("nvme0c3n1", 0, "default", {0, 1});
    tree.hctx("nvme0c3n1", 1, "poll", {1, 0});
    CHECK(text(tree.map()) == "1:0,1");

    tree.sysfs("nvme0c4n1", {"0, 1", "0", "1"});
    CHECK(text(tree.map()).empty());
    CHECK(tree.map().unknown == "/dev/ng0n1 has 2 paths");
}
