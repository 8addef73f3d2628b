// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "../transport.hpp"
#include "controller.hpp"

namespace ngpoll {

class emulated_namespace;

/// The host's side of one emulated queue pair: the work of an NVMe driver, without a kernel.
///
/// A command's id is its slot in the table of requests in flight. Free slots are a stack, so the
/// newest free ids are used again first.
class emulated_transport final : public transport {
public:
    emulated_transport(emulated_namespace& device, const poll_queue_options& requested);
    ~emulated_transport() override;

    transport_seat attach() override { return {}; }
    void detach(const transport_seat&) noexcept override { }
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t min_complete) noexcept override;
    pass_result send(
        std::span<request* const> to_send, const transport_seat& seat) noexcept override;
    [[nodiscard]] std::uint32_t in_flight() const noexcept override
    {
        return static_cast<std::uint32_t>(requests_.size() - free_ids_.size());
    }
    std::uint16_t register_buffers(std::byte*, std::size_t, std::uint32_t, std::uint32_t) override
    {
        return buffer::kNotFixed;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t) noexcept override { }

private:
    void submit(std::span<request* const> to_send) noexcept;
    template <bool AllOwn>
    std::uint32_t reap(completion_batch& batch) noexcept;

    emulated_namespace& device_;
    emulated::queue_pair queue_;
    std::uint32_t submission_tail_ = 0;
    std::uint32_t completion_head_ = 0;
    std::uint16_t phase_ = 1; ///< of completions not seen yet
    std::vector<request*> requests_; ///< index: command id
    std::vector<std::uint16_t> free_ids_;
};

} // namespace ngpoll
