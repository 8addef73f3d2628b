// SPDX-License-Identifier: MIT
// Runs the shared queue's protocol, as the engine compiles it, under a model checker. Lists the
// scenarios, and the mistakes that they must find.
#include <array>
#include <cstdint>
#include <string_view>

#include "model_runner.hpp"
#include "shared_queue_scenarios.hpp"

namespace {

using namespace ngpoll::test;
using ngpoll::detail::step;
using order = std::memory_order;

constexpr std::array kScenarios{
    named_scenario{"two rings wait", run<waiting<2, 2>>},
    named_scenario{"three rings wait", run<waiting<3, 1>>},
    named_scenario{"three rings wait, two requests each", run<waiting<3, 2>>},
    named_scenario{"two rings wait, poll or compute", run<mixed<2>>},
    named_scenario{"three rings wait, poll or compute", run<mixed<3>>},
    named_scenario{"two rings, any calls", run<anything<2>>},
    named_scenario{"three rings, any calls", run<anything<3>>},
    named_scenario{"two rings compute", run<computing<2>>},
    named_scenario{"three rings compute", run<computing<3>>},
    named_scenario{"requests sent by a wait for others", run<sending_by_wait>},
    named_scenario{"one of two leaves at its deadline", run<leaving<2>>},
    named_scenario{"one of three leaves at its deadline", run<leaving<3>>},
    named_scenario{"two rings close with requests", run<closing<2>>},
    named_scenario{"three rings close with requests", run<closing<3>>},
    named_scenario{"an inbox is used again", run<reopening>},
    named_scenario{"commands that depend on a ring", run<depending>},
    named_scenario{"a resident, rings wait", run<waiting<2, 2, true>>},
    named_scenario{"a resident, rings wait, poll or compute", run<mixed<2, true>>},
    named_scenario{"a resident, any calls", run<anything<2, true>>},
    named_scenario{"a resident, rings close with requests", run<closing<2, true>>},
    named_scenario{"a resident, one ring with events", run<told_by_events<1>>},
    named_scenario{"a resident, two rings with events", run<told_by_events<2>>},
    named_scenario{"a resident, events, an inbox is used again", run<reopening_with_events>},
};

/// The scenarios must find these mistakes.
constexpr std::array kMutants{
    skipping("no look at the role after arming", step::look_at_role_after_arming),
    skipping("no look into the inbox after arming", step::look_into_inbox_after_arming),
    skipping("no look at the tail after a release", step::look_at_tail_after_release),
    skipping("no new look after others tried for the role", step::look_again_where_tried_in_vain),
    skipping("a ring that releases the role wakes no ring", step::wake_after_release),
    skipping("a wait leaves its pushed requests unsent", step::send_before_leaving),
    skipping("a chosen ring that leaves does not pass the duty on", step::pass_duty_on),
    skipping("a ring that releases the role leaves postponed wake-ups", step::pay_before_release),
    skipping("a pass that finds nothing sends no postponed wake-up", step::pay_when_nothing_found),
    skipping("the resident sleeps and leaves postponed wake-ups", step::pay_before_sleep),
    skipping("a ring that closes does not wait for its waker", step::wait_for_touch),
    skipping("the resident does not look after arming", step::look_at_queue_after_arming),
    skipping("a push does not wake the resident", step::wake_resident),
    mutation{"arm: acq_rel (S1)", weaken<operation::fetch_add, "arm", order::acq_rel>},
    mutation{"empty: acquire (S1)", weaken<operation::load, "empty", order::acquire>},
    mutation{
        "push: exchange acq_rel (S1)", weaken<operation::exchange, "push_chain", order::acq_rel>},
    mutation{
        "count_down: load acquire (S1)", weaken<operation::load, "count_down", order::acquire>},
    mutation{"count_down: compare-exchange relaxed (S2)",
        weaken<operation::compare_exchange, "count_down", order::relaxed>},
    mutation{"touched: relaxed (S3)", weaken<operation::fetch_sub, "touched", order::relaxed>},
    mutation{"is_untouched: relaxed (S3)", weaken<operation::load, "is_untouched", order::relaxed>},
    mutation{"try_take: release (R1)", weaken<operation::fetch_add, "try_take", order::release>},
    mutation{"try_take: acquire (R2)", weaken<operation::fetch_add, "try_take", order::acquire>},
    mutation{"release: acquire (R1)", weaken<operation::exchange, "release", order::acquire>},
    mutation{"release: release (R2)", weaken<operation::exchange, "release", order::release>},
    mutation{"the resident's look whether to stop: acquire",
        weaken<operation::load, "sleep_until_pushed", order::acquire>},
    mutation{"stop: release", weaken<operation::store, "stop_resident", order::release>},
};

} // namespace

int main(int count, char** arguments)
{
    return run_model(
        count, arguments, {.scenarios = kScenarios, .mutants = kMutants, .schedules = 40'000});
}
