// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>

#include "fetch_slot.hpp"

namespace ngpoll::detail {

/// The fetches of a group, in use or free. Only ever added to, under the group's mutex, so any
/// thread may walk it.
template <class World>
class fetch_list {
public:
    using fetch = basic_fetch<World>;

    [[nodiscard]] fetch* first() const noexcept
    {
        return first_.load(std::memory_order_acquire); // acquire: what add() was given
    }
    void add(fetch& made) noexcept
    {
        made.next = first_.load(std::memory_order_relaxed); // relaxed: the mutex
        first_.store(&made, std::memory_order_release); // release: what it was set up with
    }
    /// The first one for which `matches` is true, or null.
    template <class Matches>
    [[nodiscard]] fetch* find(Matches matches) const noexcept
    {
        fetch* at = first();
        while (at != nullptr && !matches(*at))
            at = at->next;
        return at;
    }
    /// The same, from `from` on and round; null: from the first one.
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
