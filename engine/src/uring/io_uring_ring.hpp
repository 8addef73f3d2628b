// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <vector>

#include <liburing.h>

#include <ngpoll/poll_queue.hpp>

#include "kernel_ring.hpp"

namespace ngpoll {

/// An io_uring instance of the running kernel, set up with as many of the wanted flags as that
/// kernel accepts. Set-up, mapping and teardown are liburing's; see io_uring_setup(2).
class io_uring_ring final : public kernel_ring {
public:
    /// Fills `report` with what came of `how`. `fd` is the namespace, registered as file 0 where
    /// asked for. Throws std::system_error.
    io_uring_ring(int fd, const poll_queue::options& how, poll_queue_report& report);
    ~io_uring_ring() override;

    int enter(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags) noexcept override;
    transport_seat attach() override;
    void detach(const transport_seat& seat) noexcept override;
    std::uint16_t register_buffers(std::byte* memory, std::size_t stride, std::uint32_t bytes,
        std::uint32_t count) override;
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override;

private:
    void set_up(const poll_queue::options& how, poll_queue_report& report);
    void map_memory() noexcept;
    [[nodiscard]] std::uint32_t take_slots(std::uint32_t count);

    io_uring ring_{};
    bool registers_ring_ = false;
    std::once_flag enabled_;
    std::mutex slots_mutex_; ///< pools may come and go on several threads
    std::vector<bool> slots_taken_; ///< empty until the first pool
};

} // namespace ngpoll
