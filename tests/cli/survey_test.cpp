// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "survey/child_process.hpp"
#include "survey/outcome.hpp"
#include "survey/plan.hpp"

#include "../unit/catch.hpp"

using namespace ngpoll;
using namespace ngpoll::cli;
using std::chrono::milliseconds;

namespace {

namespace_info drive_with_tags(std::uint32_t tags)
{
    namespace_info device;
    device.path = "/dev/ng0n1";
    device.lba_bytes = 512;
    device.queue_depth_max = tags;
    return device;
}

const survey_step& step_named(const std::vector<survey_step>& steps, std::string_view name)
{
    const auto found = std::find_if(
        steps.begin(), steps.end(), [&](const survey_step& each) { return each.name == name; });
    REQUIRE(found != steps.end());
    return *found;
}

bool has_word(const survey_step& step, std::string_view word)
{
    return std::find(step.words.begin(), step.words.end(), word) != step.words.end();
}

step_outcome measured(std::string name, step_figures figures)
{
    step_outcome outcome;
    outcome.step.name = std::move(name);
    outcome.state = step_state::measured;
    outcome.figures = {std::move(figures)};
    return outcome;
}

step_outcome with_iops(std::string name, double iops)
{
    return measured(std::move(name), {.iops = iops, .inline_share = 1, .deferred_share = 0});
}

claim claim_named(const std::vector<step_outcome>& outcomes, std::string_view name,
    const namespace_info& device = {})
{
    for (const claim& each : try_claims(outcomes, device))
        if (each.name == name)
            return each;
    FAIL("no claim " << name);
    return {};
}

} // namespace

TEST_CASE("a survey stays within the drive's tags and never writes")
{
    survey_options options;
    const auto steps = plan_survey(options, drive_with_tags(1023));
    CHECK(has_word(step_named(steps, "one_thread"), "-d128"));
    CHECK(has_word(step_named(steps, "shared_8"), "-d64")); // 8 x 64 of 1023 tags
    CHECK(has_word(step_named(steps, "private_8"), "-d64"));
    const auto queues_of = [&](const char* name) {
        const auto& words = step_named(steps, name).words;
        const auto at = std::find(words.begin(), words.end(), "--queues");
        REQUIRE(at < words.end() - 1);
        return at[1];
    };
    CHECK(queues_of("shared_8") == "1");
    CHECK(queues_of("private_8") == "private");
    CHECK(has_word(step_named(steps, "depths"), "d=1,8,32,128"));
    CHECK(step_named(steps, "depths").measurements == 4);
    for (const survey_step& each : steps)
        for (const std::string& word : each.words) {
            CHECK(word.find("write") == std::string::npos);
            CHECK(word != "--force");
        }
    CHECK(has_word(step_named(steps, "fio"), "--readonly"));

    const auto few = plan_survey(options, drive_with_tags(31));
    CHECK(has_word(step_named(few, "one_thread"), "-d16"));
    CHECK(has_word(step_named(few, "shared_8"), "-d2"));
    CHECK(has_word(step_named(few, "depths"), "d=1,8"));
    CHECK(has_word(step_named(plan_survey(options, drive_with_tags(1)), "shared_8"), "-d1"));
    CHECK(has_word(step_named(plan_survey(options, drive_with_tags(0)), "shared_8"), "-d128"));
}

TEST_CASE("a survey takes ten minutes, one minute, or the given time")
{
    const auto seconds_of = [](const survey_options& options) {
        double all = 0;
        for (const survey_step& each : plan_survey(options, drive_with_tags(1023)))
            all += each.seconds * each.measurements;
        return all;
    };
    CHECK(seconds_of({}) > 480);
    CHECK(seconds_of({}) <= 600);
    CHECK(seconds_of({.quick = true}) > 30);
    CHECK(seconds_of({.quick = true}) <= 60);
    CHECK(has_word(
        step_named(plan_survey({.seconds = 0.5}, drive_with_tags(0)), "shared_2"), "-r0.5"));
}

TEST_CASE("a survey leaves peers out if the program is missing or the drive is emulated")
{
    const auto steps = plan_survey({}, drive_with_tags(0));
    CHECK_FALSE(step_named(steps, "t_io_uring").left_out.empty());
    CHECK(step_named(steps, "fio").left_out.empty());
    const auto given = plan_survey({.t_io_uring = "/opt/fio/t/io_uring"}, drive_with_tags(0));
    CHECK(step_named(given, "t_io_uring").left_out.empty());
    CHECK(step_named(given, "t_io_uring").words.front() == "/opt/fio/t/io_uring");
    namespace_info emulated = drive_with_tags(0);
    emulated.emulated = true;
    for (const char* name : {"t_io_uring", "fio"})
        CHECK_FALSE(step_named(plan_survey({.t_io_uring = "x"}, emulated), name).left_out.empty());
}

TEST_CASE("a claim holds, does not hold, or was not tried")
{
    using verdict = claim::verdict;
    const auto told = [](double ours, double theirs) {
        return claim_named({with_iops("one_thread", ours), with_iops("t_io_uring", theirs)},
            "no_slower_than_t_io_uring")
            .told;
    };
    CHECK(told(100, 90) == verdict::holds);
    CHECK(told(99, 100) == verdict::holds); // the difference is within the noise
    CHECK(told(97, 100) == verdict::does_not_hold);
    CHECK(claim_named({with_iops("one_thread", 100)}, "no_slower_than_t_io_uring").told
        == verdict::not_tried);
    CHECK(claim_named({with_iops("shared_1", 100), with_iops("shared_8", 90)}, "shared_8_no_slower")
              .told
        == verdict::does_not_hold);
    // A refused step has no figures.
    step_outcome refused;
    refused.step.name = "by_interrupt";
    refused.state = step_state::refused;
    CHECK(claim_named({refused}, "runs_by_interrupt").told == verdict::not_tried);
    CHECK(claim_named({measured("one_thread", {.iops = 1, .inline_share = 0.5})},
              "one_ring_finishes_inline")
              .told
        == verdict::does_not_hold);
    CHECK(claim_named({measured("one_thread", {.iops = 1, .errors = 1})}, "no_read_failed").told
        == verdict::does_not_hold);
    namespace_info emulated;
    emulated.emulated = true;
    emulated.path = "emu:";
    CHECK(claim_named({with_iops("shared_1", 100), with_iops("shared_8", 50)}, "shared_8_no_slower",
              emulated)
              .told
        == verdict::not_tried);
}

TEST_CASE("the output of each program is read")
{
    step_outcome peer;
    peer.state = step_state::measured;
    peer.step.runs = survey_step::program::t_io_uring;
    read_output(peer,
        "submitter=0\nIOPS=1.00K, BW=0MiB/s, IOS/call=1/1\nIOPS=322.26K, BW=1MiB/s\n"
        "IOPS=1.20M, BW=1MiB/s\nIOPS=7, BW=1\nMaximum IOPS=1.20M\n");
    REQUIRE(peer.figures.size() == 1);
    CHECK(std::abs(*peer.figures[0].iops - (322'260 + 1'200'000) / 2.0) < 1);
    CHECK(peer.state == step_state::measured);

    step_outcome fio;
    fio.state = step_state::measured;
    fio.step.runs = survey_step::program::fio;
    std::ifstream file(NGPOLL_TEST_RESULTS "/fio.json");
    std::ostringstream text;
    text << "fio: a note in front\n" << file.rdbuf();
    read_output(fio, text.str());
    REQUIRE(fio.figures.size() == 1);
    CHECK(fio.figures[0].iops.value_or(0) > 0);
    CHECK(fio.figures[0].p99_ns.value_or(0) > 0);

    for (const char* nothing : {"", "no result", "{", "{\"summary\": {}}", "[]"}) {
        step_outcome none;
        none.state = step_state::measured;
        read_output(none, nothing);
        CHECK(none.state == step_state::failed);
        CHECK_FALSE(none.why.empty());
    }
}

TEST_CASE("the output and the end of a child are reported")
{
    const stop_signals signals;
    using ending = child_result::ending;
    const child_limits long_limits{.time = milliseconds(30'000), .may_kill = true};
    const child_result said = run_child(
        {"sh", "-c", "echo out; echo err >&2; read line; exit 3"}, long_limits, signals);
    CHECK(said.ended_as == ending::exited);
    CHECK(said.code == 3);
    CHECK(said.out == "out\n");
    CHECK(said.err == "err\n");
    CHECK_FALSE(said.overdue);
    CHECK(run_child({"/no/such/program"}, long_limits, signals).ended_as == ending::missing);
    const child_result killed = run_child({"sh", "-c", "kill -TERM $$"}, long_limits, signals);
    CHECK(killed.ended_as == ending::killed);
    CHECK(killed.code == SIGTERM);
    // The output is larger than a pipe's buffer.
    const child_result much
        = run_child({"sh", "-c", "head -c 1000000 /dev/zero"}, long_limits, signals);
    CHECK(much.out.size() == 1'000'000);
}

TEST_CASE("an overdue child gets a signal to end")
{
    const stop_signals signals;
    const child_limits hasty{.time = milliseconds(100), .may_kill = false};
    const child_result ended = run_child({"sleep", "1000"}, hasty, signals);
    CHECK(ended.overdue);
    CHECK(ended.ended_as == child_result::ending::killed);
    CHECK(ended.code == SIGINT);
}

TEST_CASE("a signal is passed on to the child")
{
    const stop_signals signals;
    std::raise(SIGTERM);
    const child_limits long_limits{.time = milliseconds(600'000), .may_kill = false};
    const child_result ended = run_child({"sleep", "1000"}, long_limits, signals);
    CHECK_FALSE(ended.overdue);
    CHECK(ended.ended_as == child_result::ending::killed);
    CHECK(ended.code == SIGINT);
}
