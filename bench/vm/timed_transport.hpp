// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue.hpp>

#include "backend.hpp"
#include "clock.hpp"
#include "testing_access.hpp"
#include "transport.hpp"

/// A drive's own transport, and a note of how long each time nobody polled: from the release of the
/// poller's role to the next pass, whichever ring makes it.
///
/// The poll queue notes when a turn ends, and asks in_flight() when the next one begins. So this
/// sees turns that make no pass, too: then the time counts from the first release after a pass.
/// Only the holder of the role calls it, but for attaching, detaching and registering.
class timed_transport final : public ngpoll::transport {
public:
    timed_transport(std::shared_ptr<ngpoll::backend> device, const ngpoll::poll_queue::options& how)
        : device_(std::move(device))
        , below_(device_->open_queue(how).polled)
    {
        report_ = below_->report();
        unpolled_ns_.reserve(kTimesMax);
    }

    /// Before the first ring: the queue that this transport is under.
    void watch(const ngpoll::poll_queue& queue) { queue_ = &queue; }

    /// In the order in which they came. After the last ring has closed.
    [[nodiscard]] const std::vector<std::uint32_t>& unpolled_ns() const { return unpolled_ns_; }

    pass_result pass(std::span<ngpoll::request* const> to_send, ngpoll::completion_batch& batch,
        const ngpoll::transport_seat& seat, std::uint32_t min_complete) noexcept override
    {
        note_release();
        if (released_ns_ != 0 && unpolled_ns_.size() < kTimesMax)
            unpolled_ns_.push_back(static_cast<std::uint32_t>(
                std::min<std::uint64_t>(ngpoll::detail::now_ns() - released_ns_, UINT32_MAX)));
        released_ns_ = 0;
        return below_->pass(to_send, batch, seat, min_complete);
    }
    pass_result send(std::span<ngpoll::request* const> to_send,
        const ngpoll::transport_seat& seat) noexcept override
    {
        return below_->send(to_send, seat);
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept override
    {
        note_release();
        return below_->in_flight();
    }

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

    void note_release() const noexcept
    {
        const std::uint64_t ended_ns = ngpoll::testing_access::turn_ended_ns(*queue_);
        if (std::exchange(seen_ns_, ended_ns) != ended_ns && released_ns_ == 0)
            released_ns_ = ended_ns;
    }

    const std::shared_ptr<ngpoll::backend> device_;
    const std::unique_ptr<ngpoll::transport> below_;
    const ngpoll::poll_queue* queue_ = nullptr;
    mutable std::uint64_t seen_ns_ = 0; ///< when the last turn ended, as far as it is known here
    mutable std::uint64_t released_ns_ = 0; ///< the first release since the last pass; 0: none
    std::vector<std::uint32_t> unpolled_ns_;
};
