// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "../unit/catch.hpp"
#include "bench/run.hpp"
#include "bench/target.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;

namespace {

bench_targets drives(const std::vector<std::string>& paths)
{
    bench_targets targets;
    for (const std::string& path : paths) {
        targets.devices.push_back(nvme_namespace::open(path));
        targets.permits.emplace_back();
        targets.places.emplace_back();
    }
    return targets;
}

bench_result planned(const bench_options& options, const bench_targets& targets)
{
    return plan_run(options, queue_choice::parse("--queues", "auto"), targets);
}

/// Runs the load. Its text goes to a temporary file.
bench_result run_on(const bench_options& options, const bench_targets& targets)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::tmpfile(), std::fclose);
    REQUIRE(nowhere);
    text_output out(nowhere.get());
    bench_display display{.out = out, .screen = nowhere.get()};
    const stop_signals signals;
    bench_run run(planned(options, targets), targets.devices, display);
    CHECK_FALSE(run.measure(signals));
    return run.take_result();
}

/// For each block of the drive, true if it is not all zeros.
std::vector<bool> written_blocks(const nvme_namespace& drive)
{
    constexpr std::uint32_t kBlock = 512;
    std::vector<bool> written;
    poll_queue queue(drive);
    const buffer_pool pool(queue, {.count = 1, .buffer_bytes = kBlock});
    ring reading(queue, {.depth = 1});
    for (std::uint64_t lba = 0; lba < drive.info().capacity_blocks; ++lba) {
        request read;
        read.cmd = read_command(drive.info().nsid, lba, 1);
        read.set_buffer(pool.at(0));
        read.on_complete = ignore_completion;
        REQUIRE(reading.submit(read));
        REQUIRE(reading.wait(1) == 1);
        REQUIRE(read.status.ok());
        const std::string data(reinterpret_cast<const char*>(pool.at(0).data), kBlock);
        written.push_back(data != std::string(kBlock, '\0'));
    }
    return written;
}

} // namespace

TEST_CASE(
    "threads are dealt out to the drives in turn, and the first drives get the remaining ones")
{
    const bench_targets targets = drives({"emu:size=64K", "emu:size=1M", "emu:size=2M"});
    bench_options options;
    options.threads = GENERATE(3U, 4U, 5U, 6U);
    const bench_result plan = planned(options, targets);
    REQUIRE(plan.drives.size() == 3);
    std::uint32_t next = 0;
    for (std::size_t d = 0; d < 3; ++d) {
        CAPTURE(options.threads, d);
        CHECK(plan.drives[d].device.path == targets.devices[d].info().path);
        CHECK(plan.drives[d].first_thread == next);
        CHECK(plan.drives[d].first_queue == d);
        CHECK(plan.drives[d].threads() == (options.threads + 2 - d) / 3);
        next += plan.drives[d].threads();
    }
    CHECK(next == options.threads);
}

TEST_CASE("each drive gets only its own writes")
{
    // The drives have 256 and 2,048 blocks, and the load writes the middle half. A write to the
    // wrong drive is outside of that drive's half, or of the whole drive.
    const bool small_first = GENERATE(true, false);
    const bench_targets targets = small_first ? drives({"emu:size=128K", "emu:size=1M"})
                                              : drives({"emu:size=1M", "emu:size=128K"});
    bench_options options;
    options.rw = access_pattern::parse("--rw", GENERATE("write", "randwrite"));
    options.block_bytes = 1024;
    options.depth = 8;
    options.complete_batch = 1;
    options.threads = GENERATE(2U, 5U);
    options.offset = drive_share::parse("--offset", "25%");
    options.size = drive_share::parse("--size", "50%");
    options.seconds = 0.05;
    CAPTURE(small_first, options.rw->word, options.threads);
    const bench_result result = run_on(options, targets);
    CHECK(result.total.errors == 0);
    std::uint64_t finished = 0;
    for (std::size_t d = 0; d < 2; ++d) {
        CAPTURE(d);
        CHECK(result.drives[d].total.finished() > 0);
        finished += result.drives[d].total.finished();
        const std::vector<bool> written = written_blocks(targets.devices[d]);
        std::size_t inside = 0;
        for (std::size_t lba = 0; lba < written.size(); ++lba) {
            const bool is_inside = lba >= written.size() / 4 && lba < written.size() / 4 * 3;
            inside += written[lba] && is_inside ? 1 : 0;
            if (!is_inside)
                REQUIRE_FALSE(written[lba]);
        }
        CHECK(inside > 0);
    }
    CHECK(finished == result.total.finished());
}

TEST_CASE("errors are counted on the drive on which they happened")
{
    const std::size_t bad = GENERATE(0U, 1U);
    const std::string unreadable = "emu:size=64K,unreadable=0-127";
    const bench_targets targets
        = bad == 0 ? drives({unreadable, "emu:size=64K"}) : drives({"emu:size=64K", unreadable});
    bench_options options;
    options.depth = 8;
    options.complete_batch = 1;
    options.threads = 3;
    options.seconds = 0.05;
    const bench_result result = run_on(options, targets);
    const bench_drive& failing = result.drives[bad];
    const bench_drive& sound = result.drives[1 - bad];
    CHECK(failing.total.errors == failing.total.finished());
    CHECK(failing.total.errors > 0);
    REQUIRE(failing.errors.size() == 1);
    CHECK(failing.errors.front().count == failing.total.errors);
    CHECK(failing.total.latency.count == 0);
    CHECK(sound.total.errors == 0);
    CHECK(sound.errors.empty());
    CHECK(sound.total.latency.count == sound.total.finished());
    CHECK(result.total.errors == failing.total.errors);
}
