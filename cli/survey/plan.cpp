// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ngpoll::cli {

namespace {

// The fifteen measurements take one minute (--quick) or ten.
constexpr double kQuickSeconds = 3;
constexpr double kWholeSeconds = 35;

constexpr std::uint32_t kDepthMax = 128;
/// From one command at a time to a full ring.
constexpr std::uint32_t kSweepDepths[] = {1, 8, 32, 128};

/// The depth of each of `threads` threads, a power of two. Together they fit the drive's tags.
std::uint32_t depth_for(std::uint32_t threads, const namespace_info& device)
{
    if (device.queue_depth_max == 0)
        return kDepthMax;
    return std::min(
        kDepthMax, std::bit_floor(std::max(device.queue_depth_max / threads, std::uint32_t{1})));
}

class planner {
public:
    planner(const survey_options& options, const namespace_info& device)
        : device_(device)
        , block_(options.block_bytes != 0 ? options.block_bytes : device.lba_bytes)
        , seconds_(options.seconds != 0 ? options.seconds
                  : options.quick       ? kQuickSeconds
                                        : kWholeSeconds)
    {
    }

    void bench(std::string name, std::string title, std::initializer_list<std::string> words,
        std::uint32_t measurements = 1)
    {
        survey_step step{.name = std::move(name),
            .title = std::move(title),
            .words = {"ngpoll", "bench"},
            .measurements = measurements,
            .seconds = seconds_};
        step.words.insert(step.words.end(), words);
        for (std::string word : {fmt::format("-b{}", block_), fmt::format("-r{}", seconds_),
                 std::string("--json"), std::string("-"), device_.path})
            step.words.push_back(std::move(word));
        steps_.push_back(std::move(step));
    }

    void peer(std::string name, std::string title, survey_step::program runs,
        std::vector<std::string> words, std::string left_out)
    {
        steps_.push_back({.name = std::move(name),
            .title = std::move(title),
            .runs = runs,
            .words = std::move(words),
            .seconds = seconds_,
            .left_out = device_.emulated ? "other programs cannot use an emulated drive"
                                         : std::move(left_out)});
    }

    /// Takes the options of the step `one_thread`.
    void t_io_uring(const std::string& program, std::uint32_t depth)
    {
        peer("t_io_uring", "fio's t/io_uring, one thread", survey_step::program::t_io_uring,
            {program.empty() ? "t/io_uring" : program, fmt::format("-b{}", block_),
                fmt::format("-d{}", depth), fmt::format("-s{}", std::min(depth, 32U)),
                fmt::format("-c{}", std::min(depth, 32U)), "-p1", "-F1", "-B1", "-R1", "-u1", "-O0",
                "-n1", fmt::format("-r{}", std::max(3L, std::lround(seconds_))), device_.path},
            program.empty() ? "give --t-io-uring FILE; fio's source builds it" : "");
    }

    void fio(std::uint32_t depth)
    {
        const std::uint32_t batch = std::min(depth, 32U);
        peer("fio", "fio's io_uring_cmd, one job", survey_step::program::fio,
            {"fio", "--name=survey", "--readonly", "--ioengine=io_uring_cmd", "--cmd_type=nvme",
                "--filename=" + device_.path, "--rw=randread", fmt::format("--bs={}", block_),
                fmt::format("--iodepth={}", depth), fmt::format("--iodepth_batch={}", batch),
                fmt::format("--iodepth_batch_complete_max={}", batch), "--hipri", "--fixedbufs",
                "--registerfiles", "--norandommap", "--thread", "--time_based",
                fmt::format("--runtime={}s", std::max(1L, std::lround(seconds_))),
                "--output-format=json"},
            "");
    }

    [[nodiscard]] std::vector<survey_step> take() { return std::move(steps_); }

private:
    const namespace_info& device_;
    const std::uint64_t block_;
    const double seconds_;
    std::vector<survey_step> steps_;
};

} // namespace

std::vector<survey_step> plan_survey(const survey_options& options, const namespace_info& device)
{
    planner plan(options, device);
    const std::uint32_t alone = depth_for(1, device);
    const std::uint32_t each = depth_for(kSurveyThreadsMax, device);
    plan.bench("one_thread", fmt::format("one thread, depth {}", alone),
        {"-n1", fmt::format("-d{}", alone)});
    plan.t_io_uring(options.t_io_uring, alone);
    plan.fio(alone);
    for (std::uint32_t threads = 1; threads <= kSurveyThreadsMax; threads *= 2)
        plan.bench(fmt::format("shared_{}", threads),
            fmt::format(
                "{} thread{} on one poll queue, depth {}", threads, threads == 1 ? "" : "s", each),
            {fmt::format("-n{}", threads), fmt::format("-d{}", each), "--queues", "1"});
    for (std::uint32_t threads = 2; threads <= kSurveyThreadsMax; threads *= 2)
        plan.bench(fmt::format("private_{}", threads),
            fmt::format("{} threads with a poll queue each, depth {}", threads, each),
            {fmt::format("-n{}", threads), fmt::format("-d{}", each), "--queues", "private"});
    plan.bench("by_interrupt", fmt::format("one thread by interrupt, depth {}", alone),
        {"-n1", fmt::format("-d{}", alone), "-p0"});
    std::vector<std::uint32_t> depths;
    std::copy_if(std::begin(kSweepDepths), std::end(kSweepDepths), std::back_inserter(depths),
        [&](std::uint32_t depth) { return depth <= alone; });
    plan.bench("depths", fmt::format("one thread, depths {}", fmt::join(depths, ", ")),
        {"-n1", "--sweep", fmt::format("d={}", fmt::join(depths, ","))},
        static_cast<std::uint32_t>(depths.size()));
    return plan.take();
}

} // namespace ngpoll::cli
