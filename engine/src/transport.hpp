// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <ngpoll/detail/ring_state.hpp>
#include <ngpoll/poll_queue.hpp>
#include <ngpoll/request.hpp>

#include "completion_batch.hpp"

namespace ngpoll {

using detail::transport_seat;

/// What carries a poll queue's commands to the drive and finds their completions: a kernel ring or
/// an emulated queue pair.
///
/// Calls are virtual and made once per batch, never per I/O. pass() and send() are the poller's
/// alone; attach() and detach() are called on the thread of the ring that comes or goes.
class transport {
public:
    struct pass_result {
        std::uint32_t sent = 0; ///< commands the drive's side took
        std::uint32_t system_calls = 0;
    };

    transport() = default;
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;
    virtual ~transport() = default;

    /// Throws std::system_error when the thread cannot use this transport.
    virtual transport_seat attach() = 0;
    virtual void detach(const transport_seat& seat) noexcept = 0;

    /// Sends the requests' commands, in order, makes one polling pass and hands what it finds to
    /// `batch`. There is room for all: in flight they are at most the poll queue's depth. The span
    /// is not read any more once the first completion is handed over, which may stage new requests.
    /// With `min_complete` the pass may wait until so many are found; it may always return with
    /// fewer.
    virtual pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t min_complete) noexcept = 0;

    /// Sends the requests' commands, in order.
    virtual pass_result send(
        std::span<request* const> to_send, const transport_seat& seat) noexcept = 0;

    /// Commands taken by pass() or send() and not yet found complete.
    [[nodiscard]] virtual std::uint32_t in_flight() const noexcept = 0;

    /// Registers `count` buffers of `bytes` each, `stride` apart, and returns the index of the
    /// first; throws std::system_error. kNotFixed where there is nothing to register with.
    virtual std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
        = 0;
    virtual void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept = 0;

    [[nodiscard]] const poll_queue_report& report() const noexcept { return report_; }

    /// Something that was asked for is not to be had, and why.
    void decline(std::string what) { report_.declined.push_back(std::move(what)); }

protected:
    poll_queue_report report_;
};

} // namespace ngpoll
