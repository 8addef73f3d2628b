// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <sys/types.h>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue_options.hpp>

#include "interrupt_rings.hpp"
#include "transport.hpp"

namespace ngpoll {

/// The depth of a queue or ring that asks for 0, where there is room for it.
constexpr std::uint32_t kDepthDefault = 128;

/// The device behind an nvme_namespace: a character device, or an emulated controller.
class opened_namespace {
public:
    opened_namespace() = default;
    opened_namespace(const opened_namespace&) = delete;
    opened_namespace& operator=(const opened_namespace&) = delete;
    virtual ~opened_namespace() = default;

    [[nodiscard]] const namespace_info& info() const noexcept { return info_; }

    /// The number of the open character device; 0 where there is none. The path may lead to another
    /// device by now.
    [[nodiscard]] dev_t device_number() const noexcept { return device_number_; }

    /// The drive's side of a poll queue: one of the two members.
    struct opened_queue {
        std::unique_ptr<transport> polled; ///< for all rings
        std::unique_ptr<interrupt_rings> by_interrupt;
    };
    /// Throws like poll_queue's constructor. The report has the depth that a depth of 0 became.
    [[nodiscard]] virtual opened_queue open_queue(const poll_queue_options& requested) = 0;

    /// Whether a completion depends on the thread that sent the command: before Linux 7.0 it is
    /// task work of that thread. One thread then has to send and poll for all.
    [[nodiscard]] virtual bool needs_resident() const noexcept { return false; }

protected:
    namespace_info info_;
    dev_t device_number_ = 0;
};

} // namespace ngpoll
