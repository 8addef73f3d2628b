// SPDX-License-Identifier: MIT
#include "emulated_namespace.hpp"

#include <cerrno>

#include <fmt/format.h>

#include "../error.hpp"
#include "emulated_transport.hpp"

namespace ngpoll {

emulated_namespace::emulated_namespace(std::string_view path)
    : settings_(emulated::parse_settings(path))
    , controller_(settings_)
{
    info_.path = std::string(path);
    info_.emulated = true;
    info_.serial = "EMU0";
    info_.model = "ngpoll emulated NVMe";
    info_.firmware = "1.0";
    info_.nsid = emulated::controller::kNamespaceId;
    info_.capacity_blocks = controller_.capacity_blocks();
    info_.lba_bytes = settings_.lba_bytes;
    info_.transfer_bytes_max = emulated::controller::kTransferBytesMax;
    info_.queue_depth_max = emulated::controller::kQueueEntriesMax - 1;
    info_.has_poll_queues = true;
}

opened_namespace::opened_queue emulated_namespace::open_queue(const poll_queue_options& requested)
{
    if (requested.hardware_queue)
        detail::refuse(
            fmt::format("{}: hardware_queue {}: an emulated drive has none; leave it out",
                info_.path, *requested.hardware_queue));
    poll_queue_options can = requested;
    if (can.depth == 0)
        can.depth = kDepthDefault;
    // relaxed: a count that guards nothing else.
    if (queues_taken_.fetch_add(1, std::memory_order_relaxed) >= settings_.queues) {
        return_queue();
        detail::fail(EBUSY,
            fmt::format("{}: its {} queue pair(s) are taken; give it more with queues=N",
                info_.path, settings_.queues));
    }
    try {
        return {
            .polled = std::make_unique<emulated_transport>(*this, can), .by_interrupt = nullptr};
    } catch (...) {
        return_queue();
        throw;
    }
}

void emulated_namespace::return_queue() noexcept
{
    queues_taken_.fetch_sub(1, std::memory_order_relaxed); // relaxed: as in open_queue()
}

} // namespace ngpoll
