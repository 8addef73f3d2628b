// SPDX-License-Identifier: MIT
// The countdown that a ring sleeps on, with the queue that it watches, under a model checker: which
// scenarios, and which mistakes they find.
#include <array>
#include <cstdint>
#include <string_view>

#include "model_runner.hpp"
#include "sleeper_scenarios.hpp"

namespace {

using namespace ngpoll::test;
using order = std::memory_order;

constexpr std::array kScenarios{
    named_scenario{"two producers", run<handed_over<2>>},
    named_scenario{"three producers", run<handed_over<3>>},
    named_scenario{"chains", run<handed_over_chains>},
    named_scenario{"two producers, waited for one by one", run<one_by_one<2>>},
    named_scenario{"three producers, waited for one by one", run<one_by_one<3>>},
    named_scenario{"three producers, told by events", run<told_by_events<3>>},
    named_scenario{"the resident poller sleeps, and is ended", run<resident_sleeps>},
    named_scenario{
        "counted down behind a producer stopped between its steps", run<counted_behind_a_gap>},
    named_scenario{"counted down one arming late", run<late_count_down>},
};

/// What has to be found.
constexpr std::array kMutants{
    mutation{"arm: a plain store (S1)", weaken<operation::exchange, "arm", order::relaxed>, nullptr,
        [](const site& at) { return is_in(at, operation::exchange, "arm"); }},
    mutation{"arm: a release store (S1)", weaken<operation::exchange, "arm", order::release>,
        nullptr, [](const site& at) { return is_in(at, operation::exchange, "arm"); }},
    mutation{"arm: exchange acq_rel (S1)", weaken<operation::exchange, "arm", order::acq_rel>},
    mutation{
        "empty: the second look acquire (S1)", weaken<operation::load, "empty", order::acquire>},
    mutation{
        "push: exchange acq_rel (S1)", weaken<operation::exchange, "push_chain", order::acq_rel>},
    mutation{
        "count_down: load acquire (S1)", weaken<operation::load, "count_down", order::acquire>},
    mutation{"count_down: subtraction without acquire (S2)",
        weaken<operation::fetch_sub, "count_down", order::release>},
    mutation{"stop: release (S1)", weaken<operation::store, "end", order::release>},
    mutation{"the look whether to stop: acquire (S1)",
        weaken<operation::load, "operator()", order::acquire>},
    mutation{.name = "no look whether to stop after arming", .wrong_step = kNoLookAtStop},
    mutation{.name = "told to stop, and not woken", .wrong_step = kStopsUnwoken},
    mutation{.name = "no second look", .wrong_step = kNoSecondLook},
    mutation{.name = "the second look is a pop", .wrong_step = kLookByPop},
    mutation{.name = "arms anew for all, not for what is missing", .wrong_step = kArmsForAll},
    mutation{.name = "counts down before the push", .wrong_step = kCountsFirst},
    mutation{.name = "counts a chain as one", .wrong_step = kCountsOnce},
    mutation{.name = "who completes the count wakes nobody", .wrong_step = kNobodyWoken},
    mutation{.name = "who completes the count changes the word only", .wrong_step = kRousedOnly},
};

} // namespace

int main(int count, char** arguments)
{
    return run_model(
        count, arguments, {.scenarios = kScenarios, .mutants = kMutants, .schedules = 200'000});
}
