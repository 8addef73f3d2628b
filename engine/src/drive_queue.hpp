// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <ngpoll/poll_queue_options.hpp>

namespace ngpoll {

/// What a poll queue is opened on: it says how it was set up, and buffers are registered with it.
class drive_queue {
public:
    drive_queue() = default;
    drive_queue(const drive_queue&) = delete;
    drive_queue& operator=(const drive_queue&) = delete;
    virtual ~drive_queue() = default;

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
