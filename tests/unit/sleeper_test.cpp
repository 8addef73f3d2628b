// SPDX-License-Identifier: MIT
#include <cstdint>

#include "catch.hpp"
#include "sleeper.hpp"

using asleep = ngpoll::detail::sleeper<>;

namespace {

bool is_armed(const asleep& owner)
{
    std::uint32_t word = 0;
    return owner.is_armed(word);
}

} // namespace

TEST_CASE("only the count-down of the last missing completion wakes a sleeper")
{
    asleep owner;
    CHECK_FALSE(owner.count_down(1).complete); // awake
    owner.arm(3);
    CHECK_FALSE(owner.count_down(1).complete);
    CHECK_FALSE(owner.count_down(1).complete);
    CHECK(owner.missing() == 1);
    CHECK(is_armed(owner));
    CHECK(owner.count_down(1).complete);
    CHECK_FALSE(is_armed(owner));
    CHECK_FALSE(owner.count_down(1).complete);
    CHECK(owner.disarm().claimed);
}

TEST_CASE("a count-down of more than the missing number returns how many are still to come")
{
    asleep owner;
    owner.arm(2, 5);
    const auto counted = owner.count_down(4);
    CHECK(counted.complete);
    CHECK_FALSE(counted.by_event);
    CHECK(counted.to_come == 3);
}

TEST_CASE("a count-down returns whether the sleeper is an event loop")
{
    asleep owner;
    owner.arm(1, 0, asleep::waits_by::event);
    CHECK(owner.count_down(1).by_event);
    CHECK(owner.disarm().claimed);
    owner.arm(1);
    CHECK_FALSE(owner.count_down(1).by_event);
}

TEST_CASE("a sleeper is chosen once, and only while it sleeps")
{
    asleep owner;
    CHECK_FALSE(owner.choose());
    owner.arm(2);
    CHECK(owner.choose());
    CHECK_FALSE(owner.choose());
    CHECK_FALSE(owner.count_down(2).complete); // one claim takes the whole arming
    const auto was = owner.disarm();
    CHECK(was.claimed);
    CHECK(was.chosen);
    owner.arm(2);
    CHECK_FALSE(owner.disarm().chosen); // the duty to poll ends with the arming
}

TEST_CASE("a sleeper that disarms unclaimed waits for no waker")
{
    asleep owner;
    owner.arm(2);
    CHECK_FALSE(owner.count_down(1).complete);
    const auto was = owner.disarm();
    CHECK_FALSE(was.claimed);
    CHECK_FALSE(was.chosen);
    CHECK(owner.missing() == 0);
    CHECK(owner.is_untouched());
}

TEST_CASE("a sleeper is touched until each waker that claimed it has let go")
{
    asleep owner;
    owner.arm(1);
    CHECK(owner.count_down(1).complete);
    CHECK(owner.disarm().claimed);
    owner.arm(1); // the first waker has not let go yet
    CHECK(owner.choose());
    CHECK_FALSE(owner.is_untouched());
    owner.touched();
    CHECK_FALSE(owner.is_untouched());
    owner.touched();
    CHECK_FALSE(is_armed(owner));
    CHECK(owner.disarm().chosen);
    CHECK(owner.is_untouched());
}
