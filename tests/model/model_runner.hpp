// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "model_atomic.hpp"

// Runs scenarios under Relacy in many schedules. Loads find every value that the orders allow, as
// on arm64 or weaker machines, whatever this machine is. Schedules come from fixed seeds, so a
// failure can be repeated. Scenarios must fail if an order is weakened or a step is left out.
namespace ngpoll::test {

struct outcome {
    rl::test_result_e result = rl::test_result_success;
    std::uint64_t schedules = 0;
};

/// Runs one scenario in up to `schedules_max` schedules. Prints a failing schedule unless the
/// failure is expected.
template <class Scenario>
outcome run(std::uint64_t schedules_max, bool failure_expected)
{
    using scheduler = rl::random_scheduler<Scenario::params::thread_count>;
    rl::ostringstream said; // Relacy's type, because Relacy does not count its allocations
    rl::ostringstream failed_at;
    rl::test_params params;
    params.iteration_count = schedules_max;
    params.execution_depth_limit = 20'000; // a pool of workers needs many steps
    params.output_stream = params.progress_stream = &said;
    const auto result = rl::run_test<Scenario, scheduler>(params, failed_at, false);
    const outcome found{result, params.stop_iteration};
    if (result != rl::test_result_success && !failure_expected) {
        params.initial_state = failed_at.str();
        params.collect_history = true;
        rl::run_test<Scenario, scheduler>(params, failed_at, true);
        // A schedule that never ends is long, and its beginning is enough.
        std::printf("%.20000s\n", said.str().c_str());
    }
    return found;
}

struct named_scenario {
    const char* name;
    outcome (*run)(std::uint64_t schedules_max, bool failure_expected);
};

/// The checks of one piece of code.
struct model {
    std::span<const named_scenario> scenarios;
    std::span<const mutation> mutants; ///< the scenarios must find all of them
    std::uint64_t schedules; ///< for each scenario, in a default run
    bool all_ordered = false; ///< no store may overtake another, even without a failure
    void (*before_run)() = nullptr; ///< resets notes that mutations made in a failed run
};

inline bool check_as_written(const model& checked, std::uint64_t schedules)
{
    bool good = true;
    stores_unordered = 0;
    for (const named_scenario& each : checked.scenarios) {
        const outcome found = each.run(schedules, false);
        good = good && found.result == rl::test_result_success;
        std::printf("%s: %llu schedules: %s\n", each.name,
            static_cast<unsigned long long>(found.schedules), rl::test_result_str(found.result));
    }
    std::printf("stores that nothing orders behind the one before: %llu\n",
        static_cast<unsigned long long>(stores_unordered));
    return good && (stores_unordered == 0 || !checked.all_ordered);
}

/// True if a scenario finds the current mistake. Prints the first such scenario, or all.
inline bool any_finds(const model& checked, std::uint64_t schedules, bool all)
{
    bool found_any = false;
    for (const named_scenario& each : checked.scenarios) {
        if (checked.before_run != nullptr)
            checked.before_run();
        const outcome found = each.run(schedules, true);
        if (found.result == rl::test_result_success)
            continue;
        std::printf("%s: found in schedule %llu of \"%s\": %s\n", mutation_in_force->name,
            static_cast<unsigned long long>(found.schedules), each.name,
            rl::test_result_str(found.result));
        found_any = true;
        if (!all)
            break;
    }
    return found_any;
}

/// If no scenario finds a mistake, then either the code's order is stronger than needed, or the
/// scenarios check too little.
inline bool finds(const model& checked, const mutation& wrong, std::uint64_t schedules, bool all)
{
    mutation_in_force = &wrong;
    operations_mutated = 0;
    // One scenario finds most mistakes at once, and others never do. So each runs briefly first.
    const bool found = (!all && any_finds(checked, schedules / 100, false))
        || any_finds(checked, schedules, all);
    mutation_in_force = &kAsWritten;
    if (!found)
        std::printf("%s: NOT FOUND in %llu schedules of each scenario, %llu operations changed\n",
            wrong.name, static_cast<unsigned long long>(schedules),
            static_cast<unsigned long long>(operations_mutated));
    return found;
}

/// The main program: as_written | mutants | mutants_everywhere (tries each mutant in all
/// scenarios).
inline int run_model(int count, char** arguments, const model& checked)
{
    const std::string_view what = count == 2 ? arguments[1] : "";
    const char* const wanted = std::getenv("NGPOLL_TEST_ROUNDS");
    // A factor on the schedules of a default run, as in the other tests.
    const std::uint64_t rounds = wanted == nullptr ? 1 : std::strtoull(wanted, nullptr, 10);
    const std::uint64_t schedules = checked.schedules * std::max<std::uint64_t>(rounds, 1);
    bool good = true;
    if (what == "as_written") {
        good = check_as_written(checked, schedules);
    } else if (what == "mutants" || what == "mutants_everywhere") {
        for (const mutation& each : checked.mutants)
            good = finds(checked, each, schedules, what == "mutants_everywhere") && good;
    } else {
        std::fprintf(stderr, "usage: %s as_written|mutants|mutants_everywhere\n", arguments[0]);
        return 2;
    }
    return good ? 0 : 1;
}

} // namespace ngpoll::test
