// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>

#include "fetch_slot.hpp"

namespace ngpoll::detail {

/// The fetches of a group, in use or free. Fetches are only added, under the group's mutex, so any
/// thread may walk the list.
template <class World>
class fetch_list {
public:
    using fetch = basic_fetch<World>;

    [[nodiscard]] fetch* first() const noexcept
    {
        return first_.load(std::memory_order_acquire); // acquire: reads the fetch as add() got it
    }
    void add(fetch& made) noexcept
    {
        made.next = first_.load(std::memory_order_relaxed); // relaxed: guarded by the mutex
        // release: publishes the fetch as it was set up
        first_.store(&made, std::memory_order_release);
    }
    /// The first fetch for which `matches` is true, or null.
    template <class Matches>
    [[nodiscard]] fetch* find(Matches matches) const noexcept
    {
        fetch* at = first();
        while (at != nullptr && !matches(*at))
            at = at->next;
        return at;
    }
    /// Like find(), but starts at `from` and goes round. Null: starts at the first fetch.
    template <class Matches>
    [[nodiscard]] fetch* find_from(fetch* from, Matches matches) const noexcept
    {
        fetch* const begin = from != nullptr ? from : first();
        for (fetch* at = begin; at != nullptr;) {
            if (matches(*at))
                return at;
            at = at->next != nullptr ? at->next : first();
            if (at == begin)
                break;
        }
        return nullptr;
    }
    [[nodiscard]] bool has_parked() const noexcept
    {
        return find([](const fetch& each) { return each.has_parked(); }) != nullptr;
    }

private:
    typename World::template atomic<fetch*> first_{nullptr};
};

} // namespace ngpoll::detail
