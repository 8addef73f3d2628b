// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <ngpoll/command.hpp>
#include <ngpoll/mpsc_queue.hpp>
#include <ngpoll/status.hpp>

namespace ngpoll {

struct request;
namespace detail {
struct inbox;
}

/// The callback of a request. It runs once for each submission, on the thread of the ring that owns
/// the request, inside that ring's poll, wait or close. It may change the request and submit it
/// again. It must not throw.
using completion_function = void (*)(request&) noexcept;

/// The callback of a new request. It does nothing: the caller looks at the outcome after wait().
inline void ignore_completion(request&) noexcept { }

/// A piece of memory for one command. `fixed_index` is its place in the poll queue's table of
/// registered buffers. With kNotFixed the kernel maps the pages anew for each command.
struct buffer {
    /// `fixed_index` of memory that is not registered.
    static constexpr std::uint16_t kNotFixed = 0xffff;

    std::byte* data = nullptr; ///< where it begins
    std::uint32_t size_bytes = 0; ///< how long it is
    std::uint16_t fixed_index = kNotFixed; ///< its place in the table; see above
};

/// One NVMe command and the callback for its completion. A request is its own queue node, so
/// submitting allocates nothing.
///
/// A request belongs to the caller until ring::submit() accepts it, then to the engine until its
/// on_complete runs, then to the caller again. While it belongs to the engine it must stay at its
/// address, and no ring accepts it.
///
/// Fill in `cmd`, and where wanted `on_complete` (never null) and `context`. For commands with data
/// call set_buffer(). A completion changes only the outcome, so a request is set up once and
/// submitted many times.
struct alignas(64) request : mpsc_node<> {
    // One cache line for the completion ...
    detail::inbox* owner
        = nullptr; ///< internal: the inbox that gets the request back, on a shared queue
    completion_function on_complete = ignore_completion; ///< runs when the command is done
    void* context = nullptr; ///< for the caller's own use
    ngpoll::status status; ///< outcome: how the command ended
    std::uint64_t result = 0; ///< outcome: dwords 0 and 1 of the NVMe completion
    std::uint32_t timeout_ms = 0; ///< 0: the driver's own, 30 s by default
    std::uint16_t fixed_index = buffer::kNotFixed; ///< set by set_buffer()
    bool fixed = false; ///< set by set_buffer()
    std::uint16_t entry = 0; ///< internal: the submission entry that the command keeps
    // ... and one for the command.
    alignas(64) command cmd; ///< what the drive is asked to do

    /// Points the command's data at the whole of `target`. The memory must outlive the command.
    void set_buffer(const buffer& target) noexcept
    {
        cmd.data = reinterpret_cast<std::uintptr_t>(target.data);
        cmd.data_bytes = target.size_bytes;
        fixed_index = target.fixed_index;
        fixed = target.fixed_index != buffer::kNotFixed;
    }
};

static_assert(sizeof(request) == 128 && alignof(request) == 64);

} // namespace ngpoll
