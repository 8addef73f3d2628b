// SPDX-License-Identifier: MIT
#include <ngpoll/poll_queue.hpp>

#include <utility>

#include <ngpoll/ring_stats.hpp>

#include "queue_state.hpp"

namespace ngpoll {

const char* to_string(poll_mode mode) noexcept
{
    switch (mode) {
    case poll_mode::polled: return "polled";
    case poll_mode::hybrid: return "hybrid";
    case poll_mode::interrupt: return "interrupt";
    }
    return "unknown";
}

const char* to_string(role_policy policy) noexcept
{
    switch (policy) {
    case role_policy::automatic: return "automatic";
    case role_policy::resident: return "resident";
    case role_policy::waiter: return "waiter";
    }
    return "unknown";
}

std::optional<role_policy> role_policy_named(std::string_view name) noexcept
{
    for (const role_policy policy :
        {role_policy::automatic, role_policy::resident, role_policy::waiter})
        if (name == to_string(policy))
            return policy;
    return name == "auto" ? std::optional(role_policy::automatic) : std::nullopt;
}

poll_queue::poll_queue(const nvme_namespace& device, options requested)
    : state_(std::make_unique<detail::queue_state>(device.opened(), requested))
{
}

poll_queue::poll_queue(std::unique_ptr<detail::queue_state> made) noexcept
    : state_(std::move(made))
{
}

poll_queue::~poll_queue() = default;

const poll_queue_report& poll_queue::report() const noexcept { return state_->report(); }
std::uint32_t poll_queue::depth() const noexcept { return state_->options().depth; }
bool poll_queue::shared() const noexcept { return state_->shared() != nullptr; }
role_policy poll_queue::role() const noexcept { return state_->options().role; }
ring_stats poll_queue::resident_stats() const noexcept { return state_->resident_stats(); }
std::string poll_queue::describe() const { return state_->describe(); }

} // namespace ngpoll
