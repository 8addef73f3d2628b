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

/// Runs once for each submitted request, on the thread of the ring that owns it, inside that ring's
/// poll, wait or close. It may change the request and submit it again; it must not throw.
using completion_function = void (*)(request&) noexcept;

/// What a request does when nothing else is asked for: its outcome is looked at after wait().
inline void ignore_completion(request&) noexcept { }

/// A piece of memory for one command. `fixed_index` is its place in the poll queue's table of
/// registered buffers, or kNotFixed: the kernel then maps the pages anew for each command.
struct buffer {
    /// `fixed_index` of memory that is not registered.
    static constexpr std::uint16_t kNotFixed = 0xffff;

    std::byte* data = nullptr; ///< where it begins
    std::uint32_t size_bytes = 0; ///< how long it is
    std::uint16_t fixed_index = kNotFixed; ///< its place in the table; see above
};

/// One NVMe command and what to do when it is done. Intrusive: it is its own queue node, so
/// submitting allocates nothing.
///
/// Belongs to the caller until ring::submit() accepts it, then to the engine until its
/// on_complete runs, then to the caller again. It must stay at its address in between, and no ring
/// takes it in between. Fill `cmd`, where wanted `on_complete` (never null) and `context` and, for
/// commands with data, call set_buffer(). Everything but the outcome is kept over completions, so a
/// request is set up once and submitted many times.
struct alignas(64) request : mpsc_node<> {
    // One cache line for the completion ...
    detail::inbox* owner = nullptr; ///< the engine's: who gets it back, on a shared queue
    completion_function on_complete = ignore_completion; ///< runs when the command is done
    void* context = nullptr; ///< the caller's own
    ngpoll::status status; ///< outcome: how the command ended
    std::uint64_t result = 0; ///< outcome: dwords 0 and 1 of the NVMe completion
    std::uint32_t timeout_ms = 0; ///< 0: the driver's own, 30 s by default
    std::uint16_t fixed_index = buffer::kNotFixed; ///< by set_buffer()
    bool fixed = false; ///< by set_buffer()
    std::uint16_t entry = 0; ///< the engine's: the submission entry that the command keeps
    // ... and one for the command.
    alignas(64) command cmd; ///< what the drive is asked to do

    /// Points the command's data at `target`, whole. The memory must outlive the command.
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
