// SPDX-License-Identifier: MIT
//
// Runs I/Os without a drive and without a kernel. `io_path_cost` counts what one I/O then costs in
// user space, from submit() to the return of its callback.
//
// `ngpoll_io_path PATH REQUESTS` runs REQUESTS I/Os or a few more, 128 in flight, in batches of 32.
// Each request is submitted again from its callback. At the end the program prints how many
// finished. PATH is one of these:
//
// - null: a transport that finishes each request at once; ring and batch alone
// - uring: the io_uring transport over a kernel that finishes each request at once
// - kept: as uring, but a command keeps its submission entry, as before Linux 6.15
//
// io_path_cost knows this file's functions by name. It recognises the engine's share of them by the
// source file of each line.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "testing_access.hpp"
#include "transport.hpp"
#include "uring/uring_transport.hpp"

namespace {

constexpr std::uint32_t kDepth = 128;
constexpr std::uint32_t kBatch = 32;

/// Finishes all requests that it is given, without looking at them.
class null_transport final : public ngpoll::transport {
public:
    ngpoll::transport_seat attach() override { return {}; }
    void detach(const ngpoll::transport_seat&) noexcept override { }
    pass_result pass(std::span<ngpoll::request* const> to_send, ngpoll::completion_batch& batch,
        const ngpoll::transport_seat&, std::uint32_t) noexcept override
    {
        send(to_send, {});
        const std::uint32_t count = std::exchange(sent_count_, 0);
        batch.add_found(count);
        for (ngpoll::request** r = sent_; r != sent_ + count; ++r)
            batch.finish(**r, {}, 0);
        return {.sent = count};
    }
    pass_result send(
        std::span<ngpoll::request* const> to_send, const ngpoll::transport_seat&) noexcept override
    {
        std::copy(to_send.begin(), to_send.end(), sent_ + sent_count_);
        sent_count_ += static_cast<std::uint32_t>(to_send.size());
        return {};
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept override { return 0; }
    std::uint16_t register_buffers(std::byte*, std::size_t, std::uint32_t, std::uint32_t) override
    {
        return ngpoll::buffer::kNotFixed;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t) noexcept override { }

private:
    ngpoll::request* sent_[kDepth];
    std::uint32_t sent_count_ = 0;
};

/// Completes every entry when it is submitted.
class null_kernel final : public ngpoll::kernel_ring {
public:
    explicit null_kernel(bool with_array)
        : sqes_(kDepth)
        , cqes_(2 * kDepth)
        , array_(kDepth)
    {
        std::iota(array_.begin(), array_.end(), 0U);
        memory_ = {.sq_head = &sq_head_,
            .sq_tail = &sq_tail_,
            .sq_entries = kDepth,
            .sqes = sqes_.data(),
            .sq_array = with_array ? array_.data() : nullptr,
            .cq_head = &cq_head_,
            .cq_tail = &cq_tail_,
            .cq_overflow = &overflow_,
            .cq_entries = 2 * kDepth,
            .cqes = cqes_.data()};
    }
    int enter(
        const ngpoll::transport_seat&, unsigned to_submit, unsigned, unsigned) noexcept override
    {
        // An array that the transport does not write stays the identity.
        for (unsigned i = 0; i < to_submit; ++i)
            cqes_[cq_tail_++ % cqes_.size()].user_data
                = sqes_[array_[sq_head_++ % array_.size()]].user_data;
        return static_cast<int>(to_submit);
    }
    ngpoll::transport_seat attach() override { return {}; }
    void detach(const ngpoll::transport_seat&) noexcept override { }
    std::uint16_t register_buffers(std::byte*, std::size_t, std::uint32_t, std::uint32_t) override
    {
        return ngpoll::buffer::kNotFixed;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t) noexcept override { }

private:
    std::vector<ngpoll::uapi::passthrough_sqe> sqes_;
    std::vector<ngpoll::uapi::passthrough_cqe> cqes_;
    std::vector<unsigned> array_;
    unsigned sq_head_ = 0, sq_tail_ = 0, cq_head_ = 0, cq_tail_ = 0, overflow_ = 0;
};

std::unique_ptr<ngpoll::transport> make_transport(std::string_view path)
{
    if (path == "null")
        return std::make_unique<null_transport>();
    if (path == "uring" || path == "kept")
        return std::make_unique<ngpoll::uring_transport>(
            std::make_unique<null_kernel>(path == "kept"), ngpoll::poll_queue_report{},
            ngpoll::uring_transport::options{});
    return nullptr;
}

void submit_again(ngpoll::request& r) noexcept
{
    auto& ring = *static_cast<ngpoll::ring*>(r.context);
    if (!r.status.ok() || !ring.submit(r))
        std::abort();
}

void stay(ngpoll::request&) noexcept { }

/// io_path_cost counts this function and all that it calls, so it must not be inlined. No function
/// that it calls may have this name in its own: callgrind would stop counting there.
[[gnu::noinline]] std::uint64_t counted_loop(ngpoll::ring& ring, std::uint64_t wanted)
{
    std::uint64_t finished = 0;
    while (finished < wanted)
        finished += ring.wait(kBatch);
    return finished;
}

} // namespace

int main(int argc, char** argv)
{
    auto transport = argc == 3 ? make_transport(argv[1]) : nullptr;
    const std::uint64_t wanted = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
    if (!transport || wanted == 0) {
        std::fprintf(stderr, "usage: ngpoll_io_path null|uring|kept REQUESTS\n");
        return 2;
    }
    const auto queue
        = ngpoll::testing_access::make(std::move(transport), {.depth = kDepth, .rings_max = 1});
    std::vector<ngpoll::request> requests(kDepth); // outlive the ring, which finishes them
    ngpoll::ring ring(*queue, {.depth = kDepth, .submit_batch_max = kBatch});
    for (ngpoll::request& r : requests) {
        r.cmd = ngpoll::read_command(1, 0, 1);
        r.context = &ring;
        r.on_complete = submit_again;
        if (!ring.submit(r))
            return 1;
    }
    const std::uint64_t finished = counted_loop(ring, wanted);
    for (ngpoll::request& r : requests)
        r.on_complete = stay;
    std::printf("finished %llu\n", static_cast<unsigned long long>(finished));
    return 0;
}
