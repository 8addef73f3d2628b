// SPDX-License-Identifier: MIT
#include "emulated_transport.hpp"

#include <utility>

#include <ngpoll/assert.hpp>

#include "emulated_namespace.hpp"

namespace ngpoll {

namespace {

emulated::submission_entry entry_for(const command& cmd, std::uint16_t cid) noexcept
{
    return {.opcode = static_cast<std::uint8_t>(cmd.opcode),
        .flags = cmd.flags,
        .cid = cid,
        .nsid = cmd.nsid,
        .cdw2 = cmd.cdw2,
        .cdw3 = cmd.cdw3,
        .metadata = cmd.metadata,
        .data = cmd.data,
        .data_bytes = cmd.data_bytes,
        .sgl_type = 0,
        .slba = cmd.slba,
        .cdw12 = cmd.cdw12,
        .cdw13 = cmd.cdw13,
        .cdw14 = cmd.cdw14,
        .cdw15 = cmd.cdw15};
}

} // namespace

emulated_transport::emulated_transport(
    emulated_namespace& device, const poll_queue_options& requested)
    : device_(device)
    , queue_(requested.depth + 1)
    , requests_(requested.depth)
{
    // From the back, so that the stack hands out 0, 1, 2, ...
    for (std::uint32_t id = requested.depth; id-- > 0;)
        free_ids_.push_back(static_cast<std::uint16_t>(id));
    report_.mode = poll_mode::polled;
    report_.depth = requested.depth;
    report_.transport = "emulated";
    if (requested.mode != poll_mode::polled)
        report_.declined.push_back(
            std::string(to_string(requested.mode)) + ": an emulated drive is always polled");
}

emulated_transport::~emulated_transport() { device_.return_queue(); }

void emulated_transport::submit(std::span<request* const> to_send) noexcept
{
    NGPOLL_ASSERT(to_send.size() <= free_ids_.size(), "more in flight than the queue's depth");
    for (request* const r : to_send) {
        const std::uint16_t cid = free_ids_.back();
        free_ids_.pop_back();
        requests_[cid] = r;
        queue_.submissions[submission_tail_] = entry_for(r->cmd, cid);
        submission_tail_ = queue_.after(submission_tail_);
    }
    queue_.submission_doorbell = submission_tail_;
    device_.controller().service(queue_);
}

/// Finishes completed requests, at most one stretch of the batch. Returns how many.
template <bool AllOwn>
std::uint32_t emulated_transport::reap(completion_batch& batch) noexcept
{
    const auto finish = [&batch](request& r, status outcome, std::uint64_t result) {
        if constexpr (AllOwn)
            batch.finish_own(r, outcome, result);
        else
            batch.finish_shared(r, outcome, result);
    };
    const std::uint32_t most = batch.stretch();
    std::uint32_t found = 0;
    // Bounded by the queue: nothing is sent while callbacks run, so nothing more completes.
    while (found < most && (queue_.completions[completion_head_].status_and_phase & 1U) == phase_) {
        const emulated::completion_entry entry = queue_.completions[completion_head_];
        completion_head_ = queue_.after(completion_head_);
        if (completion_head_ == 0)
            phase_ ^= 1U;
        queue_.completion_doorbell = completion_head_;
        request& r = *std::exchange(requests_[entry.cid], nullptr);
        free_ids_.push_back(entry.cid);
        ++found;
        const std::uint64_t result = entry.dw0 | static_cast<std::uint64_t>(entry.dw1) << 32U;
        const auto code = static_cast<std::uint16_t>(entry.status_and_phase >> 1U);
        if (code == 0) [[likely]]
            finish(r, {}, result);
        else
            finish(r, {.nvme_status = code}, result);
    }
    return found;
}

transport::pass_result emulated_transport::pass(std::span<request* const> to_send,
    completion_batch& batch, const transport_seat&, std::uint32_t) noexcept
{
    submit(to_send);
    std::uint32_t found = 0;
    do {
        found = batch.all_own() ? reap<true>(batch) : reap<false>(batch);
        batch.add_found(found);
    } while (found == batch.stretch() && !batch.is_late());
    return {.sent = static_cast<std::uint32_t>(to_send.size())};
}

transport::pass_result emulated_transport::send(
    std::span<request* const> to_send, const transport_seat&) noexcept
{
    submit(to_send);
    return {.sent = static_cast<std::uint32_t>(to_send.size())};
}

} // namespace ngpoll
