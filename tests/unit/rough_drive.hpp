// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <thread>

#include "catch.hpp"
#include "futex_probe.hpp"
#include "transport.hpp"

using namespace ngpoll;
using std::chrono::microseconds;
using std::chrono::steady_clock;

namespace {

/// A drive with slow passes, so that other threads overtake the ring that polls. It counts how
/// often two rings poll at once.
class rough_drive : public transport {
public:
    struct options {
        std::uint64_t latency_ns = 0;
        bool rough = false; ///< may pause after each completion and at the end of a pass
        std::chrono::microseconds pass_takes{0};
    };

    explicit rough_drive(options requested)
        : requested_(requested)
    {
        report_.mode = poll_mode::polled;
        report_.transport = "rough";
    }

    transport_seat attach() override
    {
        attached.fetch_add(1);
        return {};
    }
    void detach(const transport_seat&) noexcept override { attached.fetch_sub(1); }
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat&, std::uint32_t) noexcept override
    {
        if (in_pass.exchange(true))
            bump(collisions);
        bump(passes);
        accept(to_send);
        if (requested_.pass_takes.count() != 0)
            std::this_thread::sleep_for(requested_.pass_takes);
        std::uint32_t found = 0;
        const auto now = steady_clock::now();
        for (std::size_t most = flying_.size(); found < most && flying_.front().due <= now;) {
            request& r = *flying_.front().r;
            flying_.pop_front();
            ++found;
            batch.finish(r, {}, 0);
            if (requested_.rough)
                stagger();
        }
        batch.add_found(found);
        if (requested_.rough)
            stagger();
        in_pass.store(false);
        return {.sent = static_cast<std::uint32_t>(to_send.size())};
    }
    pass_result send(std::span<request* const> to_send, const transport_seat&) noexcept override
    {
        accept(to_send);
        return {.sent = static_cast<std::uint32_t>(to_send.size())};
    }
    [[nodiscard]] std::uint32_t in_flight() const noexcept override
    {
        return static_cast<std::uint32_t>(flying_.size());
    }
    std::uint16_t register_buffers(std::byte*, std::size_t, std::uint32_t, std::uint32_t) override
    {
        return buffer::kNotFixed;
    }
    void unregister_buffers(std::uint16_t, std::uint32_t) noexcept override { }

    std::atomic<std::uint64_t> collisions{0};
    std::atomic<std::uint64_t> passes{0};
    std::atomic<int> attached{0};
    std::atomic<bool> in_pass{false};

private:
    struct flying {
        request* r;
        steady_clock::time_point due;
    };

    void accept(std::span<request* const> to_send)
    {
        const auto due = steady_clock::now() + std::chrono::nanoseconds(requested_.latency_ns);
        for (request* const r : to_send)
            flying_.push_back({r, due});
    }

    options requested_;
    std::deque<flying> flying_; // not atomic, so that TSan reports passes that are not ordered
};

} // namespace
