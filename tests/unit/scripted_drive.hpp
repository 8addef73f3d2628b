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

/// A drive that does what a test says: its commands stall, and its passes run the test's code. It
/// answers each command with a result of its own, so that a mix-up is seen.
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

    /// Runs in each pass from then on, after the pass has sent and before it looks. Once.
    void on_pass(std::function<void()> script)
    {
        script_ = std::move(script);
        has_script_.store(true); // a resident may be in its first pass
    }

    std::atomic<std::chrono::nanoseconds> latency{std::chrono::nanoseconds(0)};
    /// Commands that have a bit of these in cdw15 stall.
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
    std::vector<flying> flying_; // not atomic: TSan tells of passes that are not in order
};

/// A queue over a scripted drive.
struct scripted_queue {
    scripted_drive& drive;
    std::unique_ptr<poll_queue> queue;

    explicit scripted_queue(poll_queue::options requested)
        : scripted_queue(std::make_unique<scripted_drive>(), requested)
    {
    }

    /// What the queue says of its ring with that number, by the order in which they were made.
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

/// Looks again and again, on any thread. The watchdog of the test ends it otherwise.
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

/// Catch2's checks are for the test's own thread; this is for the others.
inline void must(bool holds)
{
    if (!holds)
        std::abort();
}

/// What its scripted drive answered, as often as it was sent.
inline bool is_answered(const counted_request& r, unsigned times = 1)
{
    return r.finished == times && r.status.ok() && r.result == scripted_drive::result_of(r);
}

} // namespace ngpoll::test
