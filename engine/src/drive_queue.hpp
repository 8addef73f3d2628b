// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <ngpoll/poll_queue_options.hpp>

namespace ngpoll {

/// The drive's side of a poll queue. It reports how it was set up, and registers buffers.
class drive_queue {
public:
    drive_queue() = default;
    drive_queue(const drive_queue&) = delete;
    drive_queue& operator=(const drive_queue&) = delete;
    virtual ~drive_queue() = default;

    /// Registers `count` buffers of `bytes` each, `stride` apart, and returns the index of the
    /// first. Returns kNotFixed if there is no table to register with. Throws std::system_error.
    virtual std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
        = 0;
    virtual void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept = 0;

    [[nodiscard]] const poll_queue_report& report() const noexcept { return report_; }

    /// Notes a feature that was asked for and is not available, and why.
    void decline(std::string what) { report_.declined.push_back(std::move(what)); }

protected:
    poll_queue_report report_;
};

} // namespace ngpoll
