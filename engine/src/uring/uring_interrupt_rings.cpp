// SPDX-License-Identifier: MIT
#include "uring_interrupt_rings.hpp"

#include <utility>

#include "interrupt_transport.hpp"
#include "io_uring_instance.hpp"

namespace ngpoll {

uring_interrupt_rings::uring_interrupt_rings(
    int fd, const poll_queue_options& requested, poll_queue_report report)
    : fd_(fd)
    , options_(requested)
{
    report_ = std::move(report);
    report_.depth = requested.depth;
    const io_uring_instance sample(fd, ring_options_of(1), report_);
}

/// Options like those of a queue with one ring: each kernel ring belongs to one thread.
poll_queue_options uring_interrupt_rings::ring_options_of(std::uint32_t depth) const
{
    poll_queue_options requested = options_;
    requested.depth = depth;
    requested.rings_max = 1;
    requested.mode = poll_mode::interrupt;
    return requested;
}

std::unique_ptr<transport> uring_interrupt_rings::open_ring(const ring_options& requested)
{
    poll_queue_report as_reported;
    return std::make_unique<interrupt_transport>(
        std::make_unique<io_uring_instance>(fd_, ring_options_of(requested.depth), as_reported),
        uring_transport::options{.registered_file = options_.registered_file, .fd = fd_}, buffers_,
        requested.event_fd);
}

std::uint16_t uring_interrupt_rings::register_buffers(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
{
    // Open rings register the buffers at their next call, where nothing can throw. So this finds
    // out what the kernel will refuse: memory that it cannot pin, a limit that is too low.
    poll_queue_options requested = ring_options_of(1);
    requested.registered_file = false;
    poll_queue_report not_reported;
    io_uring_instance trial(fd_, requested, not_reported);
    trial.register_buffers(memory, stride, bytes, count);
    trial.drop_buffers();
    return buffers_->add(regions_of(memory, stride, bytes, count));
}

} // namespace ngpoll
