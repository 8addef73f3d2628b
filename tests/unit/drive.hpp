// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <ngpoll/ngpoll.hpp>

#include "catch.hpp"
#include "support.hpp"

namespace ngpoll::test {

/// A request that counts how often it finished and on which thread.
struct counted_request : request {
    ring* by = nullptr; ///< for callbacks that submit again
    unsigned finished = 0;
    std::thread::id finished_on;

    counted_request()
    {
        on_complete = [](request& r) noexcept { static_cast<counted_request&>(r).count(); };
    }
    explicit counted_request(const command& what)
        : counted_request()
    {
        cmd = what;
    }

    void count() noexcept
    {
        ++finished;
        finished_on = std::this_thread::get_id();
    }
};

/// The requests as an array of pointers, as rings take them.
inline std::vector<request*> pointers(std::span<counted_request> requests)
{
    std::vector<request*> all;
    for (counted_request& r : requests)
        all.push_back(&r);
    return all;
}

/// An emulated drive with one poll queue.
struct drive {
    nvme_namespace device;
    poll_queue queue;

    explicit drive(const std::string& path, poll_queue::options requested = {})
        : device(nvme_namespace::open(path))
        , queue(device, requested)
    {
    }
};

/// Polls until `done()` returns true; fails the test if that takes too long.
template <class Done>
void poll_until(ring& polling, Done&& done)
{
    const auto late = std::chrono::steady_clock::now() + kDeadline;
    while (!done()) {
        polling.poll();
        if (std::chrono::steady_clock::now() > late) {
            const ring_stats so_far = polling.stats();
            FAIL("not done in time: outstanding " << polling.outstanding() << ", passes "
                                                  << so_far.passes << ", sent " << so_far.sent);
        }
    }
}

/// Sends one command and waits for its status.
inline status run(ring& on, const command& what, std::byte* data = nullptr, std::size_t bytes = 0)
{
    counted_request r(what);
    r.set_buffer({.data = data, .size_bytes = static_cast<std::uint32_t>(bytes)});
    REQUIRE(on.submit(r));
    poll_until(on, [&] { return r.finished != 0; });
    CHECK(r.finished == 1);
    return r.status;
}

inline status run(ring& on, const command& what, std::vector<std::byte>& data)
{
    return run(on, what, data.data(), data.size());
}

/// Bytes that depend on their place, so that a read from a wrong place is noticed.
inline std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t salt)
{
    std::vector<std::byte> made(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
        made[i] = static_cast<std::byte>((i * 131 + (i >> 8U) * 17 + salt * 29 + 1) & 0xffU);
    return made;
}

} // namespace ngpoll::test
