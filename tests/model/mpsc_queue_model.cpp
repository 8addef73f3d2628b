// SPDX-License-Identifier: MIT
// The queue's own header under Relacy, which runs threads in many schedules and lets loads find
// every value that the orders allow: arm64 and more, on any machine. Schedules are drawn from fixed
// seeds, so a failure comes again. The same scenarios have to fail once an order is weakened.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "mpsc_queue_scenarios.hpp"

namespace {

using namespace ngpoll::test;
using order = std::memory_order;

bool is_in(const site& at, operation what, std::string_view function)
{
    return at.what == what && at.function == function;
}

/// pop()'s two loads: the second follows the reset of the stub's link, the only link that is a part
/// of the queue itself.
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

/// What has to be found. Orders are what the header says; each entry takes one of them away.
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

struct outcome {
    rl::test_result_e result = rl::test_result_success;
    std::uint64_t schedules = 0;
};

/// One scenario in up to `schedules_max` schedules. Prints the schedule that fails if that comes
/// as a surprise.
template <class Scenario>
outcome run(std::uint64_t schedules_max, bool failure_expected)
{
    using scheduler = rl::random_scheduler<Scenario::params::thread_count>;
    rl::ostringstream said; // Relacy's: it allocates where Relacy does not count
    rl::ostringstream failed_at;
    rl::test_params params;
    params.iteration_count = schedules_max;
    params.output_stream = params.progress_stream = &said;
    just_left_stub.fill(false);
    const auto result = rl::run_test<Scenario, scheduler>(params, failed_at, false);
    const outcome found{result, params.stop_iteration};
    if (result != rl::test_result_success && !failure_expected) {
        params.initial_state = failed_at.str();
        params.collect_history = true;
        rl::run_test<Scenario, scheduler>(params, failed_at, true);
        // A schedule that never ends is long, and its beginning says what there is to say.
        std::printf("%.20000s\n", said.str().c_str());
    }
    return found;
}

struct named_scenario {
    const char* name;
    outcome (*run)(std::uint64_t schedules_max, bool failure_expected);
};
constexpr std::array kScenarios{
    named_scenario{"two producers", run<producers<2>>},
    named_scenario{"three producers", run<producers<3>>},
    named_scenario{"chains", run<chains>},
    named_scenario{"pushed back by the consumer", run<pushed_back>},
    named_scenario{"requests going round", run<round_trips>},
    named_scenario{"consumers taking turns", run<turns>},
    named_scenario{"looks at empty()", run<looks>},
    named_scenario{"a producer stopped between its steps", run<stopped_producer>},
};

bool check_as_written(std::uint64_t schedules)
{
    bool good = true;
    stores_unordered = 0;
    for (const named_scenario& each : kScenarios) {
        const outcome found = each.run(schedules, false);
        good = good && found.result == rl::test_result_success;
        std::printf("%s: %llu schedules: %s\n", each.name,
            static_cast<unsigned long long>(found.schedules), rl::test_result_str(found.result));
    }
    // Q2 and Q3 as such: not only must nothing go wrong when one store overtakes another.
    std::printf("stores to a link that nothing orders behind the one before: %llu\n",
        static_cast<unsigned long long>(stores_unordered));
    return good && stores_unordered == 0;
}

/// Whether any scenario finds the mistake. A mistake that none finds is either no mistake, and the
/// header asks for too much, or these scenarios ask for too little.
bool finds(const mutation& wrong, std::uint64_t schedules, bool all)
{
    mutation_in_force = &wrong;
    operations_mutated = 0;
    bool found_any = false;
    for (const named_scenario& each : kScenarios) {
        const outcome found = each.run(schedules, true);
        if (found.result == rl::test_result_success)
            continue;
        std::printf("%s: found in schedule %llu of \"%s\": %s\n", wrong.name,
            static_cast<unsigned long long>(found.schedules), each.name,
            rl::test_result_str(found.result));
        found_any = true;
        if (!all)
            break;
    }
    mutation_in_force = &kAsWritten;
    if (!found_any)
        std::printf("%s: NOT FOUND in %llu schedules of each scenario, %llu operations changed\n",
            wrong.name, static_cast<unsigned long long>(schedules),
            static_cast<unsigned long long>(operations_mutated));
    return found_any;
}

} // namespace

/// mpsc_queue_model as_written | mutants | mutants_everywhere (which scenario finds which)
int main(int count, char** arguments)
{
    const std::string_view what = count == 2 ? arguments[1] : "";
    const char* const wanted = std::getenv("NGPOLL_TEST_ROUNDS");
    // As for the other tests, a factor: what a default run tries, so many times over.
    const std::uint64_t rounds = wanted == nullptr ? 1 : std::strtoull(wanted, nullptr, 10);
    const std::uint64_t schedules = 200000 * std::max<std::uint64_t>(rounds, 1);
    bool good = true;
    if (what == "as_written") {
        good = check_as_written(schedules);
    } else if (what == "mutants" || what == "mutants_everywhere") {
        for (const mutation& each : kMutants)
            good = finds(each, schedules, what == "mutants_everywhere") && good;
    } else {
        std::fprintf(stderr, "usage: %s as_written|mutants|mutants_everywhere\n", arguments[0]);
        return 2;
    }
    return good ? 0 : 1;
}
