// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <ngpoll/poll_queue.hpp>

#include "transport.hpp"

namespace ngpoll {

/// Puts a transport of the caller's under a poll queue: for tests, and for benchmarks that leave
/// the transport out.
struct testing_access {
    static std::unique_ptr<poll_queue> make(
        std::unique_ptr<transport> made, poll_queue::options how)
    {
        return std::unique_ptr<poll_queue>(new poll_queue(std::move(made), how));
    }
};

} // namespace ngpoll
