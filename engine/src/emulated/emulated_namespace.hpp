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
    /// Throws as nvme_namespace::open() does.
    explicit emulated_namespace(std::string_view path);

    /// Polled, whatever was asked for.
    [[nodiscard]] opened_queue open_queue(const poll_queue_options& requested) override;

    [[nodiscard]] emulated::controller& controller() noexcept { return controller_; }
    void return_queue() noexcept;

private:
    emulated::settings settings_;
    emulated::controller controller_;
    std::atomic<std::uint32_t> queues_taken_{0};
};

} // namespace ngpoll
