// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <string_view>

#include "../opened_namespace.hpp"
#include "controller.hpp"

namespace ngpoll {

/// A namespace that lives in this process. Touches no kernel interface.
class emulated_namespace final : public opened_namespace {
public:
    /// Throws like nvme_namespace::open().
    explicit emulated_namespace(std::string_view path);

    /// The queue is polled, whichever mode was asked for.
    [[nodiscard]] opened_queue open_queue(const poll_queue_options& requested) override;

    [[nodiscard]] emulated::controller& controller() noexcept { return controller_; }
    void return_queue() noexcept;

private:
    emulated::settings settings_;
    emulated::controller controller_;
    std::atomic<std::uint32_t> queues_taken_{0};
};

} // namespace ngpoll
