// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include "drive_queue.hpp"
#include "transport.hpp"

namespace ngpoll {

/// A poll queue by interrupt. Its rings share only the buffers that are registered with it.
class interrupt_rings : public drive_queue {
public:
    struct ring_options {
        std::uint32_t depth = 0;
        int event_fd = -1; ///< -1: none
    };

    /// Opens the transport of one more ring. Call it on the ring's thread: no other thread may use
    /// that transport. Throws like ring's constructor.
    [[nodiscard]] virtual std::unique_ptr<transport> open_ring(const ring_options& requested) = 0;
};

} // namespace ngpoll
