// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "drive.hpp"
#include "testing_access.hpp"
#include "transport.hpp"

namespace ngpoll::test {

/// A drive that a test controls: commands stall, and each pass runs the test's code. Each command
/// gets its own result, so that a mix-up is noticed.
class scripted_drive : public transport {
public:
    scripted_drive() { report_.transport = "scripted"; }

    transport_seat attach() override { return {}; }
    void detach(const transport_seat&) noexcept override { }
    pass_result pass(std::span<request* const> to_send, completion_batch& batch,
        const transport_seat& seat, std::uint32_t) noexcept override
    {
        const pass_result did = send(to_send, seat);
        passes.fetch_add(1);
        if (has_script_.load())
            script_();
        const auto now = std::chrono::steady_clock::now();
        const std::uint32_t hold = held.load();
        std::vector<request*> done;
        std::erase_if(flying_, [&](const flying& each) {
            const bool is_done = each.due <= now && (each.r->cmd.cdw15 & hold) == 0;
            if (is_done)
                done.push_back(each.r);
            return is_done;
        });
        in_flight_now.store(static_cast<std::uint32_t>(flying_.size()));
        for (request* const r : done)
            batch.finish(*r, {}, result_of(*r));
        batch.add_found(static_cast<std::uint32_t>(done.size()));
        return did;
    }
    pass_result send(std::span<request* const> to_send, const transport_seat&) noexcept override
    {
        const auto due = std::chrono::steady_clock::now() + latency.load();
        for (request* const r : to_send)
            flying_.push_back({.r = r, .due = due});
        in_flight_now.store(static_cast<std::uint32_t>(flying_.size()));
        sent.fetch_add(to_send.size());
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

    [[nodiscard]] static std::uint64_t result_of(const request& r) noexcept
    {
        return reinterpret_cast<std::uintptr_t>(&r) ^ 0x5a5a;
    }

    /// From now on each pass runs `script` after it has sent and before it looks. Call this once.
    void on_pass(std::function<void()> script)
    {
        script_ = std::move(script);
        has_script_.store(true); // a resident may be in its first pass
    }

    std::atomic<std::chrono::nanoseconds> latency{std::chrono::nanoseconds(0)};
    /// A command stalls while cdw15 has one of these bits.
    std::atomic<std::uint32_t> held{0};
    std::atomic<std::uint64_t> sent{0}, passes{0};
    std::atomic<std::uint32_t> in_flight_now{0};

private:
    struct flying {
        request* r;
        std::chrono::steady_clock::time_point due;
    };
    std::function<void()> script_;
    std::atomic<bool> has_script_{false};
    std::vector<flying> flying_; // not atomic, so that TSan reports passes that are not ordered
};

/// A queue over a scripted drive.
struct scripted_queue {
    scripted_drive& drive;
    std::unique_ptr<poll_queue> queue;

    explicit scripted_queue(poll_queue::options requested)
        : scripted_queue(std::make_unique<scripted_drive>(), requested)
    {
    }

    /// True if the queue's description of that ring has `words`. Rings are numbered in order of
    /// opening.
    [[nodiscard]] bool says(unsigned number, const std::string& words) const
    {
        return says_of(*queue, number, words);
    }
    [[nodiscard]] static bool says_of(
        const poll_queue& queue, unsigned number, const std::string& words)
    {
        const std::string all = queue.describe();
        const std::size_t at = all.find("ring " + std::to_string(number) + ": ");
        return at != std::string::npos
            && all.substr(at, all.find('\n', at) - at).find(words) != std::string::npos;
    }

private:
    scripted_queue(std::unique_ptr<scripted_drive> made, poll_queue::options requested)
        : drive(*made)
        , queue(testing_access::make(std::move(made), requested))
    {
    }
};

/// Waits until `done()` returns true. Any thread may call it; the test's watchdog ends a wait that
/// is too long.
template <class Done>
void await(Done&& done)
{
    while (!done())
        std::this_thread::sleep_for(std::chrono::microseconds(50));
}

/// A flush that stalls while the drive holds one of `bits`.
struct held_request : counted_request {
    explicit held_request(std::uint32_t bits)
        : counted_request(flush_command(1))
    {
        cmd.cdw15 = bits;
    }
};

inline std::vector<counted_request> flushes(std::size_t count)
{
    std::vector<counted_request> made(count);
    for (counted_request& r : made)
        r.cmd = flush_command(1);
    return made;
}

/// Checks on threads other than the test's, where Catch2's macros must not be used.
inline void must(bool holds)
{
    if (!holds)
        std::abort();
}

/// True if the request finished `times` times with the scripted drive's result.
inline bool is_answered(const counted_request& r, unsigned times = 1)
{
    return r.finished == times && r.status.ok() && r.result == scripted_drive::result_of(r);
}

} // namespace ngpoll::test
