// SPDX-License-Identifier: MIT
//
// The C interface of fetch groups.
#include <cerrno>
#include <cstdint>
#include <span>

#include <ngpoll/fetch_group.hpp>
#include <ngpoll/ngpoll.h>
#include <ngpoll/poll_queue.hpp>

#include "c_handle.hpp"

namespace {

using namespace ngpoll;
using namespace ngpoll::c_api;

constexpr std::uint64_t kGroupMark = 0x6e67706f6c6c6772;
constexpr std::uint64_t kFetchMark = 0x6e67706f6c6c6665;

} // namespace

int ngpoll_group_open(ngpoll_queue* queue, std::uint32_t depth, ngpoll_group** opened)
{
    return open_as(kGroupMark, opened, [&](std::uint64_t mark) {
        need(queue != nullptr, "the queue is NULL");
        return new handle<fetch_group>(mark, object_of<poll_queue>(queue, "the queue is NULL"),
            fetch_group::options{.depth = depth});
    });
}

bool ngpoll_group_submit(ngpoll_group* group, ngpoll_request* asked)
{
    if (group == nullptr || asked == nullptr) [[unlikely]]
        return false;
    return object_of<fetch_group>(group, "").submit(*reinterpret_cast<request*>(asked));
}

std::uint32_t ngpoll_group_submit_all(
    ngpoll_group* group, ngpoll_request* const* requests, std::uint32_t count)
{
    if (group == nullptr || requests == nullptr) [[unlikely]]
        return 0;
    return object_of<fetch_group>(group, "").submit(
        std::span(reinterpret_cast<request* const*>(requests), count));
}

void ngpoll_group_close(ngpoll_group* group)
{
    close_as<fetch_group>(
        kGroupMark, group, "ngpoll_group_close: the group is closed already, or is no group");
}

int ngpoll_fetch_open(
    ngpoll_group* group, std::uint32_t batch_max, int event_fd, ngpoll_fetch** opened)
{
    return open_as(kFetchMark, opened, [&](std::uint64_t mark) {
        need(group != nullptr, "the group is NULL");
        return new handle<fetch>(mark, object_of<fetch_group>(group, "the group is NULL"),
            fetch::options{.batch_max = batch_max, .event_fd = event_fd});
    });
}

int ngpoll_fetch_next(
    ngpoll_fetch* from, std::uint64_t deadline_ns, ngpoll_request* const** finished)
{
    if (from == nullptr || finished == nullptr) [[unlikely]]
        return failed(EINVAL,
            from == nullptr ? "ngpoll_fetch_next: the fetch is NULL"
                            : "ngpoll_fetch_next: `finished` is NULL");
    auto& its = object_of<fetch>(from, "");
    const auto batch
        = deadline_ns == UINT64_MAX ? its.next() : its.next(time_point_of(deadline_ns));
    *finished = reinterpret_cast<ngpoll_request* const*>(batch.data());
    if (batch.empty() && its.has_ended())
        return failed(ESHUTDOWN, "the group is closed, and nothing will come");
    return static_cast<int>(batch.size());
}

void ngpoll_fetch_close(ngpoll_fetch* closing)
{
    close_as<fetch>(
        kFetchMark, closing, "ngpoll_fetch_close: the fetch is closed already, or is no fetch");
}
