// SPDX-License-Identifier: MIT
// Runs the queue's own header under a model checker. Lists the scenarios, and the mistakes that
// they must find.
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "model_runner.hpp"
#include "mpsc_queue_scenarios.hpp"

namespace {

using namespace ngpoll::test;
using order = std::memory_order;

/// The loads in pop(). The second one follows the reset of the stub's link, which is the only link
/// inside the queue object.
enum class load_in_pop { none, of_stub, of_node, behind_stub };
std::array<bool, kModelThreadsMax> just_left_stub{};

load_in_pop which_load(const site& at)
{
    bool& left = just_left_stub[rl::thread_index()];
    const bool behind_stub = std::exchange(left, is_in(at, operation::store, "pop"));
    if (!is_in(at, operation::load, "pop"))
        return load_in_pop::none;
    if (behind_stub)
        return load_in_pop::behind_stub;
    return checked_queue::in_use().holds(at.address) ? load_in_pop::of_stub : load_in_pop::of_node;
}

template <load_in_pop Which>
order relax_load(const site& at)
{
    return which_load(at) == Which ? order::relaxed : at.order;
}

/// The scenarios must find these mistakes. Each entry takes away one order of the header.
constexpr std::array kMutants{
    mutation{"push: exchange without acquire (Q2, Q3)",
        [](const site& at) { return at.what == operation::exchange ? order::release : at.order; }},
    mutation{"push: exchange without release (Q3)",
        [](const site& at) { return at.what == operation::exchange ? order::acquire : at.order; }},
    mutation{"push: link store relaxed (Q1)",
        [](const site& at) {
            return at.what == operation::store && at.order == order::release ? order::relaxed
                                                                             : at.order;
        }},
    mutation{"push: last.next not made null", nullptr,
        [](const site& at) {
            return is_in(at, operation::store, "push_chain") && at.order == order::relaxed;
        }},
    mutation{"pop: stub_.next not reset", nullptr,
        [](const site& at) { return is_in(at, operation::store, "pop"); }},
    mutation{"pop: put-back relaxed (Q2)",
        [](const site& at) {
            return at.what == operation::compare_exchange ? order::relaxed : at.order;
        }},
    mutation{"pop: all loads of links relaxed (Q1)",
        [](const site& at) { return at.what == operation::load ? order::relaxed : at.order; }},
    mutation{
        "pop: only the load of the stub's link relaxed (Q1)", relax_load<load_in_pop::of_stub>},
    mutation{"pop: only the load of a node's link relaxed (Q1)", relax_load<load_in_pop::of_node>},
    mutation{
        "pop: only the load behind the stub relaxed (Q1)", relax_load<load_in_pop::behind_stub>},
    mutation{"pop: only the load after a failed put-back relaxed (Q1)",
        [](const site& at) {
            return is_in(at, operation::load, "pop_last") ? order::relaxed : at.order;
        }},
};

constexpr std::array kScenarios{
    named_scenario{"two producers", run<producers<2>>},
    named_scenario{"three producers", run<producers<3>>},
    named_scenario{"chains", run<chains>},
    named_scenario{"pushed back by the consumer", run<pushed_back>},
    named_scenario{"requests going round", run<round_trips>},
    named_scenario{"consumers taking turns", run<turns>},
    named_scenario{"calls of empty()", run<looks>},
    named_scenario{"a producer stopped between its steps", run<stopped_producer>},
};

} // namespace

int main(int count, char** arguments)
{
    return run_model(count, arguments,
        {.scenarios = kScenarios, .mutants = kMutants, .schedules = 200'000, .before_run = [] {
             just_left_stub.fill(false);
         }});
}
