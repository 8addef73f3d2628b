// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue.hpp>

#include "clock.hpp"
#include "opened_namespace.hpp"
#include "testing_access.hpp"
#include "transport.hpp"

/// A drive's own transport, with notes of how long nobody polls for commands in flight. Such a time
/// goes from the first release of the poller's role to the next pass, which any ring may make.
///
/// Only the holder of the role calls it. Any thread may attach, detach, and register buffers.
class timed_transport final : public ngpoll::transport {
public:
    timed_transport(std::shared_ptr<ngpoll::opened_namespace> device,
        const ngpoll::poll_queue::options& requested)
        : device_(std::move(device))
        , below_(device_->open_queue(requested).polled)
    {
        report_ = below_->report();
        unpolled_ns_.reserve(kTimesMax);
    }

    /// Sets the queue that uses this transport. Call it before the first ring is made.
    void watch(const ngpoll::poll_queue& queue) { queue_ = &queue; }

    /// The times in the order in which they came. Call it after the last ring has closed.
    [[nodiscard]] const std::vector<std::uint32_t>& unpolled_ns() const { return unpolled_ns_; }

    pass_result pass(std::span<ngpoll::request* const> to_send, ngpoll::completion_batch& batch,
        const ngpoll::transport_seat& seat, std::uint32_t min_complete) noexcept override
    {
        const std::uint64_t since_ns = ngpoll::testing_access::unpolled_since_ns(*queue_);
        if (since_ns != 0 && unpolled_ns_.size() < kTimesMax)
            unpolled_ns_.push_back(static_cast<std::uint32_t>(
                std::min<std::uint64_t>(ngpoll::detail::now_ns() - since_ns, UINT32_MAX)));
        return below_->pass(to_send, batch, seat, min_complete);
    }
    pass_result send(std::span<ngpoll::request* const> to_send,
        const ngpoll::transport_seat& seat) noexcept override
    {
        return below_->send(to_send, seat);
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept override { return below_->in_flight(); }

    ngpoll::transport_seat attach() override { return below_->attach(); }
    void detach(const ngpoll::transport_seat& seat) noexcept override { below_->detach(seat); }
    std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count) override
    {
        return below_->register_buffers(memory, stride, bytes, count);
    }
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override
    {
        below_->unregister_buffers(first, count);
    }

private:
    static constexpr std::size_t kTimesMax = 4'000'000;

    const std::shared_ptr<ngpoll::opened_namespace> device_;
    const std::unique_ptr<ngpoll::transport> below_;
    const ngpoll::poll_queue* queue_ = nullptr;
    std::vector<std::uint32_t> unpolled_ns_;
};
