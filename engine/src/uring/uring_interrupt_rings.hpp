// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include <ngpoll/poll_queue_options.hpp>

#include "../interrupt_rings.hpp"
#include "registered_buffers.hpp"

namespace ngpoll {

/// A poll queue by interrupt on a namespace: an io_uring instance for each ring.
class uring_interrupt_rings final : public interrupt_rings {
public:
    /// `fd` is the namespace; `report` has the features declined so far. Sets up a kernel ring and
    /// closes it again. A refusal by the kernel thus comes here, and is reported.
    uring_interrupt_rings(int fd, const poll_queue_options& requested, poll_queue_report report);

    [[nodiscard]] std::unique_ptr<transport> open_ring(const ring_options& requested) override;
    /// Tries to register the buffers, then leaves it to each ring.
    std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count) override;
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override
    {
        buffers_->remove(first, count);
    }

private:
    [[nodiscard]] poll_queue_options ring_options_of(std::uint32_t depth) const;

    const int fd_;
    const poll_queue_options options_;
    const std::shared_ptr<buffer_table> buffers_ = std::make_shared<buffer_table>();
};

} // namespace ngpoll
