/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_NGPOLL_H
#define NGPOLL_NGPOLL_H

/** @file
 * The engine for C programs, and for languages that call C. Names, units, threads and rules are
 * those of the C++ headers beside this one, which say more about each call.
 *
 * A call that can fail returns 0 or a negative errno. ngpoll_error() then says in one line what is
 * wrong and what to do. No exception leaves a call. The caller closes what it opened, in the
 * opposite order: rings, groups and buffers, then their queue, then its namespace. A call that
 * fails to open leaves NULL in *opened.
 *
 * Misuse: a call that can report an error returns -EINVAL or false. A call that closes takes NULL
 * and does nothing. All other calls stop the program with a sentence. engine/docs/misuse.md has
 * the whole table.
 *
 * In a forked child a call that closes only frees memory. Any other call on a ring stops the child.
 * A queue or buffers cannot be opened there on a handle that the parent opened.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ngpoll/request.h>
#include <ngpoll/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ngpoll_namespace; /**< an open NVMe namespace */
struct ngpoll_queue; /**< one polled source of completions, shared by rings */
struct ngpoll_ring; /**< one thread's context on a queue */
struct ngpoll_buffers; /**< memory that a queue's commands may name */
struct ngpoll_write_permit; /**< permission to write to a namespace */

/** Says why the calling thread's last failed call failed; "" before the first failure. The text is
 * good until that thread's next failure. */
const char* ngpoll_error(void);

/* ---- Namespaces. Any thread. ---- */

/** A namespace, as it and its controller describe themselves. */
struct ngpoll_namespace_info {
    const char* path; /**< the texts are good until the namespace is closed */
    const char* model; /**< as Identify Controller has it */
    const char* serial; /**< as Identify Controller has it */
    const char* firmware; /**< its revision */
    uint64_t capacity_blocks; /**< NSZE */
    uint32_t nsid; /**< the number of the namespace in commands */
    uint32_t lba_bytes; /**< data of one logical block */
    /** Space of one logical block in a buffer: its data and interleaved metadata. */
    uint32_t block_bytes;
    uint32_t metadata_bytes; /**< of one logical block; 0: none */
    uint32_t transfer_bytes_max; /**< most data one command moves; 0: no limit */
    uint32_t queue_depth_max; /**< commands one hardware queue holds; 0: not known */
    uint32_t polled_queues_max; /**< polled queues that this kernel can handle on the drive;
                                   0: any number */
    int32_t has_poll_queues; /**< 1 yes, 0 no, -1 not known */
    bool emulated; /**< an `emu:` drive of this process */
    /** The block device of the namespace, nvme0n1; "": none, or not known. */
    const char* block_device;
    const char* transport; /**< pcie, tcp, rdma ...; "": not known */
};

/** `path` is /dev/ngXnY, or emu: with its settings. `writable` opens it for writing, which
 * unprivileged users need for commands that write; root can write without it. -ENOENT, -ENOTTY (no
 * NVMe namespace), -EACCES, -EPERM, -EINVAL (emu: settings), -EIO (the drive refuses to identify
 * itself). */
int ngpoll_namespace_open(const char* path, bool writable, struct ngpoll_namespace** opened);
/** Fills `*info` in. */
void ngpoll_namespace_get_info(
    const struct ngpoll_namespace* ns, struct ngpoll_namespace_info* info);
/** Queues made from the namespace stay open. NULL does nothing, as in all calls that close. */
void ngpoll_namespace_close(struct ngpoll_namespace* ns);

/* ---- Permission to write to a namespace, taken before the first write. Any thread. ---- */

/** The name that the user typed for the drive, and exceptions that the caller allows. */
struct ngpoll_write_permit_options {
    const char* serial_nsid; /**< what the user typed to name the drive, SERIAL:NSID; NULL: "" */
    bool named_otherwise; /**< the user named the drive in another way; serial_nsid is ignored */
    bool force; /**< write although nobody can tell whether the namespace is in use */
    const char* force_option; /**< how the user sets `force`, for the error; NULL: "--force" */
    uint32_t family; /**< a process that shares its permits with its children; 0: none */
};

/** Holds the block device exclusively until the permit is closed; drive_use.hpp says more. emu:
 * needs no permit. -EINVAL: serial_nsid is empty, or names another drive. -EBUSY: the namespace is
 * in use (mounted, swap, part of dm, md or LVM, held). -EPERM: the use cannot be found out, and
 * `force` is false. */
int ngpoll_write_permit_open(const struct ngpoll_namespace* ns,
    const struct ngpoll_write_permit_options* requested, struct ngpoll_write_permit** opened);
/** Gives the block device back. */
void ngpoll_write_permit_close(struct ngpoll_write_permit* permit);

/* ---- Poll queues. Made on any thread. ---- */

/** How completions are found; see poll_mode in poll_queue_options.hpp. */
enum ngpoll_mode { NGPOLL_POLLED, NGPOLL_HYBRID, NGPOLL_INTERRUPT };
/** Which thread polls a shared queue; see role_policy in poll_queue_options.hpp. */
enum ngpoll_role {
    NGPOLL_ROLE_AUTOMATIC, /**< resident on a drive, waiter on an emulated one */
    NGPOLL_ROLE_RESIDENT, /**< a thread of the queue polls */
    NGPOLL_ROLE_WAITER, /**< a ring that waits polls for all rings until its own wait ends */
};

/** The options of a poll queue; ngpoll_queue_defaults() fills them in. */
struct ngpoll_queue_options {
    /** Requests in flight over all rings; 0: 128, or less if the drive has less left. */
    uint32_t depth;
    uint32_t rings_max; /**< rings open at the same time; 1: all on one thread, nothing shared */
    uint32_t mode; /**< an enum ngpoll_mode, as a number of known size */
    uint32_t role; /**< an enum ngpoll_role */
    bool registered_file; /**< register the device's descriptor with the kernel */
    bool registered_ring; /**< register each thread's ring descriptor with the kernel */
    bool force; /**< allow what the running kernel may crash on; see poll_queue_options.hpp */
    /** The hardware queue that this queue uses, as read_hardware_queues() in hardware_queues.hpp
     * counts them; 0: no particular one. Number 0 is never a poll queue. */
    uint32_t hardware_queue;
};

/** Depth 0, one ring, polled. */
struct ngpoll_queue_options ngpoll_queue_defaults(void);
/** NULL for `requested` means the defaults. -EINVAL, -EPERM, -ENOSYS, -ENOMEM, -EBUSY: see
 * poll_queue.hpp. */
int ngpoll_queue_open(const struct ngpoll_namespace* ns,
    const struct ngpoll_queue_options* requested, struct ngpoll_queue** opened);
/** The values in force, which may differ from the options: a drive may not poll, for example. */
enum ngpoll_mode ngpoll_queue_mode(const struct ngpoll_queue* queue);
/** Which thread polls, never NGPOLL_ROLE_AUTOMATIC. */
enum ngpoll_role ngpoll_queue_role(const struct ngpoll_queue* queue);
/** The depth in force: requests in flight at once. */
uint32_t ngpoll_queue_depth(const struct ngpoll_queue* queue);
/** Writes lines that explain a hang: see poll_queue::describe(). Any thread, a debugger too. Cuts
 * the text to `size` bytes with the final zero, and returns the length of the whole text. */
size_t ngpoll_queue_describe(const struct ngpoll_queue* queue, char* text, size_t size);
/** Close the queue's rings, groups and buffers first. */
void ngpoll_queue_close(struct ngpoll_queue* queue);

/* ---- Buffers. Not while a ring of a queue with rings_max 1 lives on another thread. ---- */

/** `count` buffers of `bytes` each, registered with the queue. -EINVAL, -ENOMEM. */
int ngpoll_buffers_open(
    struct ngpoll_queue* queue, uint32_t count, uint32_t bytes, struct ngpoll_buffers** opened);
/** Registers the caller's memory as `count` buffers of `bytes` each. The memory must stay where it
 * is until the buffers are closed. -EINVAL, -ENOMEM. */
int ngpoll_buffers_adopt(struct ngpoll_queue* queue, void* memory, uint32_t count, uint32_t bytes,
    struct ngpoll_buffers** opened);
/** The buffer of this number, from 0 on. A number that is too high stops the program. */
struct ngpoll_buffer ngpoll_buffers_at(const struct ngpoll_buffers* buffers, uint32_t index);
/** Close the buffers before their queue, and with no command on them in flight. */
void ngpoll_buffers_close(struct ngpoll_buffers* buffers);

/* ---- Rings. Opened, used and closed on one thread. ---- */

/** The options of a ring; ngpoll_ring_defaults() fills them in. */
struct ngpoll_ring_options {
    uint32_t depth; /**< requests outstanding at once; 0: an equal part of the queue's free depth */
    uint32_t submit_batch_max; /**< most commands handed to the drive's side at once */
    int event_fd; /**< see ngpoll_arm_event(); -1: none */
};

/** Depth 0, batches of 32, no event. */
struct ngpoll_ring_options ngpoll_ring_defaults(void);
/** NULL for `requested` means the defaults. -EINVAL, -EBUSY (no room on the queue). By interrupt
 * each ring is a kernel ring of its own, so the call also returns -ENOMEM, -EMFILE, -ENFILE. */
int ngpoll_ring_open(struct ngpoll_queue* queue, const struct ngpoll_ring_options* requested,
    struct ngpoll_ring** opened);
/** The depth in force. */
uint32_t ngpoll_ring_depth(const struct ngpoll_ring* ring);
/** Waits for the requests that reached the drive, ends all others with ECANCELED, and frees the
 * ring. */
void ngpoll_ring_close(struct ngpoll_ring* ring);

/** Stages a request for the next poll, wait or flush. Returns false when `depth` requests are
 * outstanding or the ring is closing. The request then still belongs to the caller. */
bool ngpoll_submit(struct ngpoll_ring* ring, struct ngpoll_request* request);
/** Stages many requests in their order. Returns how many it took, counted from the first one. */
uint32_t ngpoll_submit_all(
    struct ngpoll_ring* ring, struct ngpoll_request* const* requests, uint32_t count);
/** Submits all `count` requests, then waits for `n` of the outstanding requests. With an `n` of 0
 * it flushes. Stops the program if the requests do not all fit. */
uint32_t ngpoll_submit_and_wait(
    struct ngpoll_ring* ring, struct ngpoll_request* const* requests, uint32_t count, uint32_t n);
/** Makes one pass and never sleeps. Returns how many requests finished. */
uint32_t ngpoll_poll(struct ngpoll_ring* ring);
/** Waits until `n` requests have finished, or all outstanding ones if they are fewer. Returns how
 * many finished. */
uint32_t ngpoll_wait(struct ngpoll_ring* ring, uint32_t n);
/** Waits like ngpoll_wait(), but returns at `deadline_ns` of CLOCK_MONOTONIC at the latest.
 * UINT64_MAX means no deadline. */
uint32_t ngpoll_wait_until(struct ngpoll_ring* ring, uint32_t n, uint64_t deadline_ns);
/** Sends all staged requests. Looks for no completions. */
void ngpoll_flush(struct ngpoll_ring* ring);
/** For event loops. Returns true when `event_fd` will be written to, and false when the caller has
 * to call ngpoll_poll() now. By interrupt `n` counts as 1. */
bool ngpoll_arm_event(struct ngpoll_ring* ring, uint32_t n);
/** Requests accepted and not finished. */
uint32_t ngpoll_outstanding(const struct ngpoll_ring* ring);

#ifdef __cplusplus
}
#endif

#include <ngpoll/fetch_group.h> /* pools of workers; part of this header */

#endif /* NGPOLL_NGPOLL_H */
