/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FETCH_GROUP_H
#define NGPOLL_FETCH_GROUP_H

/** @file
 * Fetch groups: requests that belong to a pool of workers and not to a thread. Included by
 * ngpoll.h. fetch_group.hpp says more of each thing.
 */
#include <stdbool.h>
#include <stdint.h>

struct ngpoll_queue;
struct ngpoll_request;
struct ngpoll_group; /**< requests that any thread submits and a pool of workers takes */
struct ngpoll_fetch; /**< where one worker of a group gets its batches */

#ifdef __cplusplus
extern "C" {
#endif

/** Takes one of the queue's rings_max places and `depth` of its depth; 0: an equal part of what is
 * left. By interrupt the group has a kernel ring and a thread of its own. Any thread.
 * -EINVAL: the queue is made for one ring (rings_max 1), or it is polled, for one hardware_queue,
 * and has no resident. -EBUSY: no room on the queue. */
int ngpoll_group_open(struct ngpoll_queue* queue, uint32_t depth, struct ngpoll_group** opened);
/** Any thread. False: `depth` are out, or the group is closing; the request is then the caller's
 * still. A group does not call on_complete. */
bool ngpoll_group_submit(struct ngpoll_group* group, struct ngpoll_request* request);
/** The same for many, in their order and in one step; how many were taken, from the first one. */
uint32_t ngpoll_group_submit_all(
    struct ngpoll_group* group, struct ngpoll_request* const* requests, uint32_t count);
/** Ends with ECANCELED what has not reached the drive, and waits for the rest. What is finished and
 * not taken stays for the fetches; without a fetch it is the caller's again, with its status set.
 * No other thread may use the group any more once this has returned. */
void ngpoll_group_close(struct ngpoll_group* group);

/** The calling thread is its worker. `event_fd` is written to once ngpoll_fetch_next() has returned
 * 0 and something is there; it needs a resident, or a queue by interrupt; -1: none.
 * -EINVAL, -ESHUTDOWN (the group closes). */
int ngpoll_fetch_open(
    struct ngpoll_group* group, uint32_t batch_max, int event_fd, struct ngpoll_fetch** opened);
/** Returns 1 to batch_max: so many requests have finished, and are the caller's from then on. The
 * array is good until the next call. Returns 0 once `deadline_ns` of CLOCK_MONOTONIC has passed;
 * UINT64_MAX never does. Returns -ESHUTDOWN once the group is closed and nothing will come. */
int ngpoll_fetch_next(
    struct ngpoll_fetch* fetch, uint64_t deadline_ns, struct ngpoll_request* const** finished);
/** Withdraws it: what lies there unread goes to another fetch. Fetches may be closed after their
 * group and queue. */
void ngpoll_fetch_close(struct ngpoll_fetch* fetch);

#ifdef __cplusplus
}
#endif

#endif /* NGPOLL_FETCH_GROUP_H */
