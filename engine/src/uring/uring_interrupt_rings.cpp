// SPDX-License-Identifier: MIT
#include "uring_interrupt_rings.hpp"

#include <utility>

#include "interrupt_transport.hpp"
#include "io_uring_ring.hpp"

namespace ngpoll {

uring_interrupt_rings::uring_interrupt_rings(
    int fd, const poll_queue_options& how, poll_queue_report report)
    : fd_(fd)
    , options_(how)
{
    report_ = std::move(report);
    report_.depth = how.depth;
    const io_uring_ring sample(fd, ring_options_of(1), report_);
}

/// As for a queue with one ring: each kernel ring belongs to one thread.
poll_queue_options uring_interrupt_rings::ring_options_of(std::uint32_t depth) const
{
    poll_queue_options how = options_;
    how.depth = depth;
    how.rings_max = 1;
    how.mode = poll_mode::interrupt;
    return how;
}

std::unique_ptr<transport> uring_interrupt_rings::open_ring(const ring_options& how)
{
    poll_queue_report as_reported;
    return std::make_unique<interrupt_transport>(
        std::make_unique<io_uring_ring>(fd_, ring_options_of(how.depth), as_reported),
        uring_transport::options{.registered_file = options_.registered_file, .fd = fd_}, buffers_,
        how.event_fd);
}

std::uint16_t uring_interrupt_rings::register_buffers(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
{
    // Rings that are open register them at their next call, where nothing can throw. So what the
    // kernel will refuse is found out here: memory it cannot pin, a limit that is too low.
    poll_queue_options how = ring_options_of(1);
    how.registered_file = false;
    poll_queue_report not_reported;
    io_uring_ring trial(fd_, how, not_reported);
    trial.register_buffers(memory, stride, bytes, count);
    trial.drop_buffers();
    return buffers_->add(regions_of(memory, stride, bytes, count));
}

} // namespace ngpoll
