// SPDX-License-Identifier: MIT
// The poller's role, with the sleepers and the queues, under a model checker: which scenarios, and
// which mistakes they find.
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "model_runner.hpp"
#include "scenario.hpp"
#include "shared_queue.hpp"

namespace {

using namespace ngpoll::test;
using order = std::memory_order;

/// Each ring on its thread submits, waits and closes.
template <options Options>
struct sharing
    : scenario<sharing<Options>, shared_queue<Options>, static_cast<int>(Options.rings)> {
    void thread(unsigned index) { this->shared().use(index); }
    void check() { this->shared().check(); }
};

struct role_and_record {
    role tested;
    bool leased = false; ///< as it happened: written in the turn of the lease
};
/// A lease made just now is nobody else's, whatever was true before it: who finds it finds when and
/// on which thread it was made.
struct fresh_lease : scenario<fresh_lease, role_and_record, 2> {
    static constexpr std::uint64_t kNow = 10 * role::kLeaseNs;
    static std::uint64_t now() { return kNow; }

    void thread(unsigned index)
    {
        auto& [tested, leased] = shared();
        if (index == 0) {
            if (tested.try_take(2, 2, role::taking::nobody, now)) {
                tested.lease(2, 2, kNow);
                leased = true;
            }
        } else if (tested.try_take(4, 4, role::taking::from_idle, now)) {
            RL_ASSERT(!leased);
        }
    }
    void check() { }
};

struct role_and_sleeper {
    role tested;
    sleeping_ring other;
};
/// A lease ends while another ring arms: that one is woken, or does not fall asleep.
struct ended_lease : scenario<ended_lease, role_and_sleeper, 2> {
    void thread(unsigned index)
    {
        auto& [tested, other] = shared();
        if (index == 1)
            return other.sleep(1, [&] { return tested.held_by_another(4); });
        RL_ASSERT(tested.try_take(2, 2, role::taking::nobody, now_ns));
        tested.lease(2, 2, now_ns());
        RL_ASSERT(tested.end_lease(2));
        if (other.sleeper_.armed())
            other.wake();
    }
    void check() { }
};

constexpr std::array kScenarios{
    named_scenario{"two rings", run<sharing<options{.rings = 2, .requests = 2}>>},
    named_scenario{"a fresh lease", run<fresh_lease>},
    named_scenario{"a lease that ends", run<ended_lease>},
    named_scenario{"three rings", run<sharing<options{.rings = 3, .requests = 1}>>},
    named_scenario{"two rings, hand-over",
        run<sharing<options{.rings = 2, .requests = 2, .hands_over = true}>>},
    named_scenario{"three rings, hand-over",
        run<sharing<options{.rings = 3, .requests = 2, .hands_over = true}>>},
    named_scenario{"three rings that stay open",
        run<sharing<options{.rings = 3, .requests = 1, .stay_open = true}>>},
    named_scenario{"two rings, woken late",
        run<sharing<options{.rings = 2, .requests = 2, .puts_off = true}>>},
    named_scenario{"three rings, hand-over, woken late",
        run<sharing<options{.rings = 3, .requests = 2, .hands_over = true, .puts_off = true}>>},
    named_scenario{
        "two rings that drain", run<sharing<options{.rings = 2, .requests = 1, .drains = true}>>},
    named_scenario{
        "three rings that drain", run<sharing<options{.rings = 3, .requests = 1, .drains = true}>>},
    named_scenario{"three rings, one leaves early",
        run<sharing<options{.rings = 3, .requests = 1, .leaves_early = true}>>},
    named_scenario{"three rings, hand-over, one leaves early",
        run<sharing<options{.rings = 3, .requests = 2, .hands_over = true, .leaves_early = true}>>},
};

/// pass_under_way() reads the count, then the role: who closes looks at that again anyway.
std::array<bool, kModelThreadsMax> count_was_read{};

order relax_count_in_pass_under_way(const site& at)
{
    if (at.function != "pass_under_way")
        return at.order;
    bool& count_read = count_was_read[rl::thread_index()];
    return std::exchange(count_read, !count_read) ? at.order : order::relaxed;
}

/// What has to be found.
constexpr std::array kMutants{
    mutation{"lease: relaxed (R1)", weaken<operation::store, "lease", order::relaxed>},
    mutation{"give_up: relaxed (R1)", weaken<operation::store, "give_up", order::relaxed>},
    mutation{"try_take: compare-exchange relaxed (R1)",
        weaken<operation::compare_exchange, "try_take", order::relaxed>},
    mutation{"try_take: load relaxed (R1)", weaken<operation::load, "try_take", order::relaxed>},
    mutation{"end_pass: relaxed (R2)", weaken<operation::store, "end_pass", order::relaxed>},
    mutation{"pass_under_way: load of the count relaxed (R2)", relax_count_in_pass_under_way},
    mutation{"give_up: release (R3)", weaken<operation::store, "give_up", order::release>},
    mutation{"end_lease: acq_rel (R3)",
        weaken<operation::compare_exchange, "end_lease", order::acq_rel>},
    mutation{"armed: acquire (R3)", weaken<operation::load, "armed", order::acquire>},
    mutation{"arm: acq_rel (R3)", weaken<operation::exchange, "arm", order::acq_rel>},
    mutation{"disarm: release (R3)", weaken<operation::store, "disarm", order::release>},
    mutation{"rouse: relaxed (S3)", weaken<operation::exchange, "rouse", order::relaxed>},
    mutation{
        "take_rousing: relaxed (S3)", weaken<operation::exchange, "take_rousing", order::relaxed>},
    mutation{"held_by_another: acquire (R3)",
        weaken<operation::load, "held_by_another", order::acquire>},
    mutation{.name = "no look at the role after arming", .wrong_step = kNoLookAtRole},
    mutation{.name = "no disarm", .wrong_step = kNoDisarm},
    mutation{.name = "who gives the role up wakes nobody", .wrong_step = kNoSuccessor},
    mutation{.name = "a successor that leaves early passes the wake on to nobody",
        .wrong_step = kSuccessorLeaves},
    mutation{.name = "a successor that is done passes the wake on to nobody",
        .wrong_step = kSuccessorIsDone},
    mutation{.name = "an heir that leaves early keeps its lease", .wrong_step = kLeaseKept},
    mutation{.name = "handed over, and the heir not woken", .wrong_step = kHeirNotWoken},
    mutation{.name = "an heir is woken if it has armed", .wrong_step = kHeirIfArmed},
    mutation{.name = "who gives the role up leaves put-off wake-ups", .wrong_step = kOwedKept},
    mutation{.name = "wake-ups put off are forgotten", .wrong_step = kOwedForgotten},
    mutation{.name = "the heir woken before it is handed the role", .wrong_step = kHeirWokenFirst},
    mutation{"lease: release (R3)", weaken<operation::store, "lease", order::release>},
    mutation{
        .name = "looks whether it was roused, and may be still", .wrong_step = kRousingLookedAt},
    mutation{.name = "a pass ends before its last touch of others", .wrong_step = kPassEndsEarly},
    mutation{.name = "a ring that closes does not wait for the end of the pass",
        .wrong_step = kNoWaitForPassEnd},
    mutation{.name = "a ring that closes does not wait for a wake-up put off",
        .wrong_step = kNoWaitForWakeUp},
    mutation{"wake_listed: relaxed", weaken<operation::store, "wake_listed", order::relaxed>},
    mutation{"a ring that closes looks for that relaxed",
        weaken<operation::load, "close", order::relaxed>},
    mutation{.name = "a ring is gone while it is still listed", .wrong_step = kStaysListed},
    mutation{.name = "who completes the count wakes nobody", .wrong_step = kNobodyWoken},
};

} // namespace

int main(int count, char** arguments)
{
    return run_model(count, arguments,
        {.scenarios = kScenarios, .mutants = kMutants, .schedules = 100'000, .before_run = [] {
             count_was_read.fill(false);
         }});
}
