// SPDX-License-Identifier: MIT
// Runs the fetch group's protocol, as the engine compiles it, under a model checker. Lists the
// scenarios, and the mistakes that they must find.
#include <array>
#include <cstdint>

#include "fetch_group_scenarios.hpp"
#include "model_runner.hpp"

namespace {

using namespace ngpoll::test;
using ngpoll::detail::step;
using order = std::memory_order;

constexpr std::array kScenarios{
    named_scenario{"one worker", run<feeding<1>>},
    named_scenario{"two workers", run<feeding<2>>},
    named_scenario{"two workers, one turns to other work", run<stalling<2>>},
    named_scenario{"three workers, two turn to other work", run<stalling<3>>},
    named_scenario{"two workers come late", run<coming_late<2>>},
    named_scenario{"three workers come late", run<coming_late<3>>},
    named_scenario{"one of two withdraws", run<withdrawing<2>>},
    named_scenario{"two of three withdraw", run<withdrawing<3>>},
    named_scenario{"a group closed at any time", run<closing_pool<2>>},
    named_scenario{"requests submitted again, depth 1", run<resubmitting<2>>},
    named_scenario{"two workers, a ring on the same queue", run<beside_a_ring<2>>},
    named_scenario{"a resident, two workers", run<feeding<2, polls::resident>>},
    named_scenario{"a resident, one turns to other work", run<stalling<2, polls::resident>>},
    named_scenario{"a resident, two workers come late", run<coming_late<2, polls::resident>>},
    named_scenario{"a resident, one of two withdraws", run<withdrawing<2, polls::resident>>},
    named_scenario{"a resident, closed at any time", run<closing_pool<2, polls::resident>>},
    named_scenario{"a resident, requests submitted again", run<resubmitting<2, polls::resident>>},
    named_scenario{"a resident, a ring on the same queue", run<beside_a_ring<1, polls::resident>>},
    named_scenario{"by interrupt, two workers", run<feeding<2, polls::interrupt>>},
    named_scenario{"by interrupt, one of two withdraws", run<withdrawing<2, polls::interrupt>>},
    named_scenario{"by interrupt, closed at any time", run<closing_pool<2, polls::interrupt>>},
};

/// The scenarios must find these mistakes.
constexpr std::array kMutants{
    skipping("a submit wakes no worker and sends nothing", step::wake_by_submit),
    skipping("a submit does not wake the resident", step::wake_resident),
    skipping("the resident does not look after arming", step::look_at_queue_after_arming),
    skipping("a post does not wake the resident", step::wake_resident_by_post),
    skipping("no look into the buffer after arming", step::look_into_buffer_after_arming),
    skipping("no look at the role after arming", step::look_at_role_after_arming),
    skipping("a release wakes no worker", step::wake_after_release),
    skipping("a chosen worker that leaves does not pass the duty on", step::pass_duty_on),
    skipping(
        "a worker leaves a second batch unread, and calls nobody", step::call_about_second_batch),
    skipping("requests left over wait for the next completion", step::serve_what_is_left),
    mutation{"take_credits: acq_rel (G1)",
        weaken<operation::compare_exchange, "take_credits", order::acq_rel>},
    mutation{"submitted: acquire (G1)", weaken<operation::load, "submitted", order::acquire>},
    mutation{"by interrupt, the look whether to stop: acquire",
        weaken<operation::load, "sleep_until_event", order::acquire>},
    mutation{
        "begin_sleep: acq_rel (G1)", weaken<operation::fetch_add, "begin_sleep", order::acq_rel>},
    mutation{"a release's look for sleepers: acquire (G1)",
        weaken<operation::load, "wake_successor", order::acquire>},
    mutation{"choose: acquire (G1)", weaken<operation::load, "choose", order::acquire>},
    mutation{"arm: acq_rel (S1)", weaken<operation::fetch_add, "arm", order::acq_rel>},
    mutation{
        "count_down: load acquire (S1)", weaken<operation::load, "count_down", order::acquire>},
    mutation{"detach: release (G2)", weaken<operation::store, "detach", order::release>},
    mutation{"is_detached: acquire (G2)", weaken<operation::load, "is_detached", order::acquire>},
    mutation{"fill: release (F1, F3)", weaken<operation::store, "fill", order::release>},
    mutation{"fill: relaxed (F1)", weaken<operation::store, "fill", order::relaxed>},
    mutation{"take: relaxed (F1)", weaken<operation::compare_exchange, "take", order::relaxed>},
    mutation{"has_batch: acquire (S1)", weaken<operation::load, "has_batch", order::acquire>},
    mutation{"waits: release (F3)", weaken<operation::store, "wait", order::release>},
    mutation{
        "stops waiting: release (F3)", weaken<operation::store, "stop_waiting", order::release>},
    mutation{"can_fill: acquire (F3)", weaken<operation::load, "can_fill", order::acquire>},
    mutation{"has_parked: acquire (F3)", weaken<operation::load, "has_parked", order::acquire>},
    mutation{"call: exchange acquire", weaken<operation::exchange, "call", order::acquire>},
    mutation{"call: compare-exchange release",
        weaken<operation::compare_exchange, "call", order::release>},
    mutation{"has_called: acquire", weaken<operation::load, "has_called", order::acquire>},
    mutation{"list_called: relaxed", weaken<operation::exchange, "list_called", order::relaxed>},
    mutation{"the mark of a withdrawn fetch: relaxed",
        weaken<operation::store, "withdraw", order::relaxed>},
};

} // namespace

int main(int count, char** arguments)
{
    return run_model(
        count, arguments, {.scenarios = kScenarios, .mutants = kMutants, .schedules = 10'000});
}
