/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FETCH_GROUP_H
#define NGPOLL_FETCH_GROUP_H

/** @file
 * Fetch groups: the completions of their requests belong to a pool of workers and not to one
 * thread. ngpoll.h includes this file. fetch_group.hpp says more about each call.
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

/** Takes one of the queue's rings_max places, and `depth` of its depth; 0: an equal part of what is
 * left. By interrupt the group has a kernel ring and a thread of its own. Any thread.
 * -EINVAL: the queue is made for one ring (rings_max 1), or it is polled, for one hardware_queue,
 * and has no resident. -EBUSY: no room on the queue. */
int ngpoll_group_open(struct ngpoll_queue* queue, uint32_t depth, struct ngpoll_group** opened);
/** Any thread. Returns false when the group has `depth` requests, or is closing. The request then
 * still belongs to the caller. A group does not call on_complete. */
bool ngpoll_group_submit(struct ngpoll_group* group, struct ngpoll_request* request);
/** Submits many requests in their order, in one step. Returns how many it took, counted from the
 * first one. */
uint32_t ngpoll_group_submit_all(
    struct ngpoll_group* group, struct ngpoll_request* const* requests, uint32_t count);
/** Ends the requests that have not reached the drive with ECANCELED, and waits for all others.
 * Finished requests that no fetch has taken stay for the fetches. Without a fetch they belong to
 * the caller again, with their status set. No thread may use the group after this has returned. */
void ngpoll_group_close(struct ngpoll_group* group);

/** The calling thread becomes the fetch's worker. After ngpoll_fetch_next() has returned 0,
 * `event_fd` is written to when a batch is there. It needs a resident, or a queue by
 * interrupt; -1: none. -EINVAL, -ESHUTDOWN (the group closes). */
int ngpoll_fetch_open(
    struct ngpoll_group* group, uint32_t batch_max, int event_fd, struct ngpoll_fetch** opened);
/** Returns a count of 1 to batch_max: so many requests have finished, and belong to the caller from
 * then on. The array is good until the next call. Returns 0 at `deadline_ns` of CLOCK_MONOTONIC;
 * UINT64_MAX means no deadline. Returns -ESHUTDOWN once the group is closed and nothing more will
 * come. */
int ngpoll_fetch_next(
    struct ngpoll_fetch* fetch, uint64_t deadline_ns, struct ngpoll_request* const** finished);
/** Withdraws the fetch. A batch that the worker has not read goes to another fetch. A fetch may be
 * closed after its group and queue. */
void ngpoll_fetch_close(struct ngpoll_fetch* fetch);

#ifdef __cplusplus
}
#endif

#endif /* NGPOLL_FETCH_GROUP_H */
