// SPDX-License-Identifier: MIT
#pragma once

// Shared by the tests of fetch groups, with the headers that nearly all of them need.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ngpoll/fetch_group.hpp>

#include "scripted_drive.hpp"

namespace ngpoll::test {

/// True if the queue's description of the group at that place has `words`.
inline bool group_says(const poll_queue& queue, unsigned number, const std::string& words)
{
    const std::string all = queue.describe();
    const std::size_t at = all.find("group " + std::to_string(number) + ": ");
    return at != std::string::npos
        && all.substr(at, all.find('\n', at) - at).find(words) != std::string::npos;
}
inline void await_words(const poll_queue& queue, unsigned number, const std::string& words)
{
    await([&] { return group_says(queue, number, words); });
}

/// Takes batches until it has `wanted` requests.
inline std::vector<request*> take(fetch& from, std::size_t wanted)
{
    std::vector<request*> all;
    while (all.size() < wanted) {
        const auto batch = from.next();
        must(!batch.empty());
        all.insert(all.end(), batch.begin(), batch.end());
    }
    return all;
}
/// Takes the requests that are there now.
inline std::vector<request*> take_now(fetch& from)
{
    const auto batch = from.next(std::chrono::steady_clock::now());
    return {batch.begin(), batch.end()};
}

/// True if the request has the scripted drive's result and is not outstanding.
inline bool is_outcome(const request& r)
{
    return r.status.ok() && r.status.taken == 0 && r.result == scripted_drive::result_of(r);
}
inline bool are_outcomes(const std::vector<request*>& all)
{
    for (const request* r : all)
        if (!is_outcome(*r))
            return false;
    return true;
}

/// A thread that is joined at the end of the scope.
class joined {
public:
    template <class Does>
    explicit joined(Does&& does)
        : thread_(std::forward<Does>(does))
    {
    }
    ~joined() { join(); }
    joined(const joined&) = delete;
    joined& operator=(const joined&) = delete;
    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }

private:
    std::thread thread_;
};

} // namespace ngpoll::test
