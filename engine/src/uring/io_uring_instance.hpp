// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

#include <liburing.h>

#include <ngpoll/poll_queue_options.hpp>

#include "../file_descriptor.hpp"
#include "kernel_ring.hpp"
#include "registered_buffers.hpp"

namespace ngpoll {

/// An io_uring instance of the running kernel, set up with as many of the wanted flags as that
/// kernel accepts; see io_uring_setup(2).
///
/// The memory is mapped here and not by liburing. liburing 2.3 accepts IORING_SETUP_NO_SQARRAY (a
/// few instructions less per I/O) and then writes its index array over the ring's heads. Before
/// Linux 6.15 there is an index array, so that no entry is written again while its command may be
/// in flight.
///
/// In a forked child the ring is gone: the descriptor is closed, the memory is not mapped.
class io_uring_instance final : public interrupt_kernel_ring {
public:
    /// Fills in `report` with the flags in force and those refused. `fd` is the namespace; it is
    /// registered as file 0 where `requested` asks for it. Throws std::system_error.
    io_uring_instance(int fd, const poll_queue_options& requested, poll_queue_report& report);
    ~io_uring_instance() override;

    int enter(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags) noexcept override;
    int enter_until(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
        unsigned flags, std::chrono::steady_clock::time_point deadline) noexcept override;
    transport_seat attach() override;
    void detach(const transport_seat& seat) noexcept override;
    [[nodiscard]] transport_seat any_threads_seat() const noexcept override
    {
        return {.enter_fd = fd_.get()};
    }
    std::uint16_t register_buffers(
        std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count) override;
    void unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept override;
    int update_buffers(std::uint32_t first, std::span<const iovec> regions) noexcept override;
    void drop_buffers() noexcept override;
    void register_event(int event_fd) override;

private:
    struct mapping {
        std::byte* memory = nullptr;
        std::size_t bytes = 0;
    };

    void set_up(
        const poll_queue_options& requested, io_uring_params& params, poll_queue_report& report);
    void map_memory(const io_uring_params& params);
    [[nodiscard]] mapping map(std::size_t bytes, std::uint64_t offset) const;
    void tear_down() noexcept;
    int make_table() noexcept;
    void empty_slots(std::uint32_t first, std::uint32_t count) noexcept;

    file_descriptor fd_;
    const unsigned process_; ///< the process that made the instance; see detail::process_generation
    mapping rings_;
    mapping sqes_;
    bool registers_ring_;
    bool starts_disabled_; ///< true until the first thread attaches; the instance then belongs to
                           ///< that thread
    bool waits_for_interrupts_;
    std::once_flag enabled_;
    bool has_table_ = false; ///< the table of registered buffers
    std::mutex slots_mutex_; ///< pools may come and go on several threads
    buffer_slots slots_;
};

} // namespace ngpoll
