// SPDX-License-Identifier: MIT
//
// Tests a drive over a network that has poll queues. Linux 6.12 and 7.3 crash when they poll
// passthrough commands there, so the engine does not ask them to. Needs the drive that
// tests/vm/tcp_cases makes, with numbered blocks.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"
#include "drive_under_test.hpp"
#include "numbered_reader.hpp"

using namespace ngpoll;

TEST_CASE("a drive over TCP is not polled, the report says why, and reads are right")
{
    const bool fixed = GENERATE(true, false);
    const unsigned rings_max = GENERATE(1U, 2U);
    CAPTURE(fixed, rings_max);
    const nvme_namespace device = nvme_namespace::open(test::device_path());
    REQUIRE(device.info().has_poll_queues == true); // else missing poll queues would be the reason
    poll_queue queue(device, {.depth = 32, .rings_max = rings_max});
    CHECK(queue.report().mode == poll_mode::interrupt);
    std::string reasons;
    for (const std::string& reason : queue.report().declined)
        reasons += reason + '\n';
    CAPTURE(reasons);
    REQUIRE(reasons.find("IOPOLL") != std::string::npos); // else the reads would crash the kernel
    REQUIRE(reasons.find("tcp") != std::string::npos);

    test::read_tally seen;
    {
        const test::watchdog dog([&] { seen.print(stderr, "over TCP"); });
        test::numbered_reader reader(
            queue, device.info(), {.depth = 32, .fixed = fixed, .seed = rings_max}, seen);
        reader.read_until([&] { return seen.right >= test::kReadsLeast || seen.broken() != 0; });
    }
    seen.print(stdout, fixed ? "over TCP, registered" : "over TCP");
    test::check_tally(seen, true);
}
