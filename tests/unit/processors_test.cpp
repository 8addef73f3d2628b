// SPDX-License-Identifier: MIT
#include <string>

#include <ngpoll/processors.hpp>

#include "catch.hpp"
#include "fake_tree.hpp"

using namespace ngpoll;
using test::fake_tree;

namespace {

constexpr const char* kClock = "sys/devices/system/clocksource/clocksource0/";

void clocks(const fake_tree& tree, const char* current, const char* available)
{
    tree.file(std::string(kClock) + "current_clocksource", current);
    tree.file(std::string(kClock) + "available_clocksource", available);
}

} // namespace

TEST_CASE("a processor has the name that /proc/cpuinfo gives it")
{
    const fake_tree tree;
    CHECK_FALSE(processor_name(tree.root()).empty()); // the architecture
    tree.file("proc/cpuinfo",
        "processor\t: 0\nmodel\t\t: 207\nmodel name\t: A Processor @ 3 GHz\n\n"
        "processor\t: 1\nmodel name\t: Another one");
    CHECK(processor_name(tree.root()) == "A Processor @ 3 GHz");
}

TEST_CASE("the time stamp counter is trusted if it is the kernel's clock source")
{
    const fake_tree tree;
    CHECK_FALSE(time_stamp_counter_is_steady(tree.root()));
    clocks(tree, "tsc", "tsc hpet acpi_pm");
    CHECK(time_stamp_counter_is_steady(tree.root()));
    // The kernel has given the counter up, or has not finished its check.
    clocks(tree, "hpet", "hpet acpi_pm");
    CHECK_FALSE(time_stamp_counter_is_steady(tree.root()));
    clocks(tree, "tsc-early", "tsc-early hpet acpi_pm");
    CHECK_FALSE(time_stamp_counter_is_steady(tree.root()));
}

TEST_CASE("with a hypervisor's clock the time stamp counter is trusted if the processor's flags "
          "allow it")
{
    const fake_tree tree;
    clocks(tree, "kvm-clock", "kvm-clock tsc acpi_pm");
    tree.file("proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc");
    CHECK_FALSE(time_stamp_counter_is_steady(tree.root()));
    tree.file("proc/cpuinfo", "flags\t\t: fpu tsc constant_tsc nonstop_tsc");
    CHECK(time_stamp_counter_is_steady(tree.root()));
    clocks(tree, "kvm-clock", "kvm-clock acpi_pm");
    CHECK_FALSE(time_stamp_counter_is_steady(tree.root()));
}
