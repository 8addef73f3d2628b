// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include <ngpoll/detail/ring_state.hpp>
#include <ngpoll/request.hpp>

#include "completion_batch.hpp"
#include "drive_queue.hpp"

namespace ngpoll {

using detail::transport_seat;

/// Carries commands to the drive and finds their completions: a kernel ring or an emulated queue
/// pair. A polled queue has one transport for all its rings. By interrupt each ring has its own.
///
/// Calls are virtual and made once per batch, never per I/O. Only the poller calls pass() and
/// send(). attach() and detach() run on the thread of the ring that comes or goes.
class transport : public drive_queue {
public:
    struct pass_result {
        std::uint32_t sent = 0; ///< commands that the drive's side took
        std::uint32_t system_calls = 0;
    };

    /// Throws std::system_error when the thread cannot use this transport.
    virtual transport_seat attach() = 0;
    virtual void detach(const transport_seat& seat) noexcept = 0;
    /// A seat for threads that come and go, and for several at once. It is not detached. Not by
    /// interrupt.
    [[nodiscard]] virtual transport_seat any_threads_seat() const noexcept { return {}; }

    /// Sends the requests' commands in order, makes one polling pass and hands completions to
    /// `batch`. There is room for all: at most the poll queue's depth is in flight. The span is not
    /// read any more once the first completion is handed over: its callback may stage new requests.
    /// With `min_complete` the pass may wait until so many are found; it may always return with
    /// fewer.
    virtual pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t min_complete) noexcept = 0;

    /// Sends the requests' commands, in order.
    virtual pass_result send(
        std::span<request* const> to_send, const transport_seat& seat) noexcept = 0;

    /// Number of commands that pass() or send() took and that are not yet found complete.
    [[nodiscard]] virtual std::uint32_t in_flight() const noexcept = 0;

    /// By interrupt only. Returns true when the ring's event_fd will be written to at a completion.
    /// Returns false when a completion is there, or something has to be sent again: the ring then
    /// makes a pass.
    [[nodiscard]] virtual bool arm_event(const transport_seat&) noexcept { return false; }
};

} // namespace ngpoll
