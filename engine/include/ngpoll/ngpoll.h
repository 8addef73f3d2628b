/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_NGPOLL_H
#define NGPOLL_NGPOLL_H

/** @file
 * The engine for C programs, and for languages that call C. The C++ headers beside this one say
 * more of each thing; names, units, threads and rules are the same.
 *
 * Calls that can fail return 0 or a negative errno, and ngpoll_error() then says in one line what
 * is wrong and what to do. No exception leaves them. What a call opens is closed by the caller, in
 * the opposite order: rings, groups and buffers, then their queue, then its namespace. A call that
 * fails to open leaves NULL in *opened.
 *
 * Misuse: a call that can say it returns -EINVAL or false; calls that close take NULL and do
 * nothing. All other calls stop the program with a sentence. engine/docs/misuse.md has the table.
 *
 * In a forked child the calls that close do nothing but free memory. Others on a ring stop it, and
 * opening a queue or buffers on what the parent opened is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ngpoll/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ngpoll_namespace; /**< an open NVMe namespace */
struct ngpoll_queue; /**< one polled source of completions, shared by rings */
struct ngpoll_ring; /**< one thread's context on a queue */
struct ngpoll_buffers; /**< memory that a queue's commands may name */
struct ngpoll_write_permit; /**< leave to write to a namespace */

/** What the calling thread's last failed call has to say; "" before the first. Good until that
 * thread's next failure. */
const char* ngpoll_error(void);

/* ---- Namespaces. Any thread. ---- */

/** A namespace, as it and its controller describe themselves. */
struct ngpoll_namespace_info {
    const char* path; /**< as it was opened; the texts are good until the namespace is closed */
    const char* model; /**< as Identify Controller has it */
    const char* serial; /**< likewise */
    const char* firmware; /**< its revision */
    uint64_t capacity_blocks; /**< NSZE */
    uint32_t nsid; /**< what commands name the namespace by */
    uint32_t lba_bytes; /**< data of one logical block */
    uint32_t block_bytes; /**< the same with interleaved metadata: what it takes in a buffer */
    uint32_t metadata_bytes; /**< of one logical block; 0: none */
    uint32_t transfer_bytes_max; /**< most data one command moves; 0: no limit */
    uint32_t queue_depth_max; /**< commands one hardware queue holds; 0: not known */
    uint32_t polled_queues_max; /**< the running kernel bears on this drive; 0: any number */
    int32_t has_poll_queues; /**< 1 yes, 0 no, -1 not known */
    bool emulated; /**< an `emu:` drive of this process */
    const char* block_device; /**< the one beside it, nvme0n1; "": none, or not known */
    const char* transport; /**< pcie, tcp, rdma ...; "": not known */
};

/** `path` is /dev/ngXnY, or emu: with its settings. -ENOENT, -ENOTTY (no NVMe namespace), -EACCES,
 * -EPERM, -EINVAL (emu: settings), -EIO (the drive refuses to identify itself). */
int ngpoll_namespace_open(const char* path, bool writable, struct ngpoll_namespace** opened);
/** Fills `*info` in. */
void ngpoll_namespace_get_info(
    const struct ngpoll_namespace* ns, struct ngpoll_namespace_info* info);
/** Queues made from it go on. NULL does nothing, as in all calls that close. */
void ngpoll_namespace_close(struct ngpoll_namespace* ns);

/* ---- Leave to write to a namespace, taken before the first write. Any thread. ---- */

/** How the user named the drive, and what is allowed beyond that. */
struct ngpoll_write_permit_options {
    const char* serial_nsid; /**< what the user typed to name the drive, SERIAL:NSID; NULL: "" */
    bool named_otherwise; /**< it was named in another way, and serial_nsid is ignored */
    bool force; /**< write although nobody can tell whether it is in use */
    const char* force_option; /**< how the user sets `force`, for the error; NULL: "--force" */
    uint32_t family; /**< that process and its children share permits; 0: nobody does */
};

/** Holds the block device exclusively until it is closed; drive_use.hpp says more. emu: needs none.
 * -EINVAL (another drive's name, or none), -EBUSY (in use: mounted, swap, part of dm, md or LVM,
 * held), -EPERM (it cannot be told, and `force` is false). */
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
    NGPOLL_ROLE_RESIDENT, /**< a thread of the queue's own polls */
    NGPOLL_ROLE_WAITER, /**< a ring that waits polls for all, until its own wait is over */
};

/** The options of a poll queue; ngpoll_queue_defaults() fills them in. */
struct ngpoll_queue_options {
    uint32_t depth; /**< requests in flight over all rings; 0: 128, or what the drive has left */
    uint32_t rings_max; /**< most rings at a time; 1: all on one thread, and nothing shared */
    uint32_t mode; /**< an enum ngpoll_mode: a number of known size, and any may be given */
    uint32_t role; /**< an enum ngpoll_role */
    bool registered_file; /**< register the device's descriptor with the kernel */
    bool registered_ring; /**< register each thread's ring descriptor with the kernel */
    bool force; /**< what the running kernel may crash on; see poll_queue_options.hpp */
    /** The hardware queue it is for, as read_hardware_queues() in hardware_queues.hpp counts; 0:
     * not told. Number 0 is never a poll queue. */
    uint32_t hardware_queue;
};

/** Depth 0, one ring, polled. */
struct ngpoll_queue_options ngpoll_queue_defaults(void);
/** NULL options: the defaults. -EINVAL, -EPERM, -ENOSYS, -ENOMEM, -EBUSY: see poll_queue.hpp. */
int ngpoll_queue_open(const struct ngpoll_namespace* ns,
    const struct ngpoll_queue_options* requested, struct ngpoll_queue** opened);
/** The mode in force, which may be less than was asked for. */
enum ngpoll_mode ngpoll_queue_mode(const struct ngpoll_queue* queue);
/** Which thread polls, never NGPOLL_ROLE_AUTOMATIC. */
enum ngpoll_role ngpoll_queue_role(const struct ngpoll_queue* queue);
/** The depth in force: requests in flight at once. */
uint32_t ngpoll_queue_depth(const struct ngpoll_queue* queue);
/** Lines that explain a hang: see poll_queue::describe(). Any thread, a debugger too. Cut to `size`
 * bytes with the final zero; returns the length it would have. */
size_t ngpoll_queue_describe(const struct ngpoll_queue* queue, char* text, size_t size);
/** After its rings and buffers. */
void ngpoll_queue_close(struct ngpoll_queue* queue);

/* ---- Buffers. Not while a ring of a queue with rings_max 1 lives on another thread. ---- */

/** One of a pool's buffers. */
struct ngpoll_buffer {
    void* data; /**< where it begins */
    uint32_t size_bytes; /**< how long it is */
    uint16_t fixed_index; /**< NGPOLL_NOT_FIXED: not registered */
};
enum { NGPOLL_NOT_FIXED = 0xffff };

/** `count` buffers of `bytes` each, registered with the queue. -EINVAL, -ENOMEM. */
int ngpoll_buffers_open(
    struct ngpoll_queue* queue, uint32_t count, uint32_t bytes, struct ngpoll_buffers** opened);
/** The same with the caller's memory, `count` times `bytes` of it, which must stay where it is
 * until the buffers are closed. */
int ngpoll_buffers_adopt(struct ngpoll_queue* queue, void* memory, uint32_t count, uint32_t bytes,
    struct ngpoll_buffers** opened);
/** The buffer of this number, from 0 on. A number that is too high stops the program. */
struct ngpoll_buffer ngpoll_buffers_at(const struct ngpoll_buffers* buffers, uint32_t index);
/** Before their queue is closed, and with no command on them in flight. */
void ngpoll_buffers_close(struct ngpoll_buffers* buffers);

/* ---- Requests. Laid out as the C++ ones: no call is needed to fill one. ---- */

/** NVM Express's submission queue entry, with pointers and lengths for data and metadata: the first
 * 64 bytes of the kernel's struct nvme_uring_cmd. */
struct ngpoll_command {
    uint8_t opcode; /**< NGPOLL_OP_READ, for example */
    uint8_t flags; /**< fused operation; 0: none */
    uint16_t reserved; /**< always zero */
    uint32_t nsid; /**< the namespace */
    uint32_t cdw2; /**< dword 2 of the submission queue entry */
    uint32_t cdw3; /**< dword 3 */
    uint64_t metadata; /**< address of a buffer for metadata; 0: none */
    uint64_t data; /**< address of the data, by ngpoll_set_buffer() */
    uint32_t metadata_bytes; /**< size of that buffer */
    uint32_t data_bytes; /**< length of the data */
    uint64_t slba; /**< cdw10 and cdw11: starting LBA */
    uint32_t cdw12; /**< bits 0-15: number of logical blocks, minus one */
    uint32_t cdw13; /**< dword 13 */
    uint32_t cdw14; /**< dword 14 */
    uint32_t cdw15; /**< dword 15 */
};

/** Flush and write zeroes carry no data. Up to Linux 6.4 a polled queue ends them with EINVAL, for
 * the kernel crashes on them. A queue by interrupt carries them out. */
enum {
    NGPOLL_OP_FLUSH = 0x00,
    NGPOLL_OP_WRITE = 0x01,
    NGPOLL_OP_READ = 0x02,
    NGPOLL_OP_WRITE_ZEROES = 0x08,
    NGPOLL_OP_DATASET_MANAGEMENT = 0x09
};

/** How a command ended. All zero: well. */
struct ngpoll_status {
    int32_t errno_value; /**< positive: the kernel could not carry it out */
    uint16_t nvme_status; /**< the drive's answer: the completion's status field, no phase bit */
    uint8_t reserved; /**< always zero */
    uint8_t engine_taken; /**< zero in an outcome */
};

/** The caller's until ngpoll_submit() takes it, then the engine's until `on_complete` runs. It must
 * stay at its address in between. Members named `engine_` are the engine's. */
struct ngpoll_request {
    void* engine_next __attribute__((aligned(64))); /**< the engine's */
    void* engine_owner; /**< the engine's */
    /** On the ring's own thread, inside poll, wait or close; may submit again. */
    void (*on_complete)(struct ngpoll_request* request);
    void* context; /**< the caller's own */
    struct ngpoll_status status; /**< outcome */
    uint64_t result; /**< outcome: dwords 0 and 1 of the completion */
    uint32_t timeout_ms; /**< 0: the driver's own */
    uint16_t fixed_index; /**< by ngpoll_set_buffer() */
    bool fixed; /**< by ngpoll_set_buffer() */
    uint16_t engine_entry; /**< the engine's */
    struct ngpoll_command cmd __attribute__((aligned(64))); /**< what the drive is asked to do */
};

/** An on_complete that does nothing: the outcome is looked at after ngpoll_wait(). */
void ngpoll_ignore_completion(struct ngpoll_request* request);

/** Before a request's first use; never while it is outstanding. */
void ngpoll_request_init(struct ngpoll_request* request);
/** Points the command's data at `target`, whole; the memory must outlive the command. */
void ngpoll_set_buffer(struct ngpoll_request* request, struct ngpoll_buffer target);

/** Stops the program: `what` names the mistake. */
void ngpoll_stop(const char* what) __attribute__((noreturn, cold));

/** A read or a write of `blocks` (1 to 65,536; another number stops the program) logical blocks;
 * set the buffer, too. */
static inline void ngpoll_prepare(
    struct ngpoll_request* request, uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t blocks)
{
    if (!request)
        ngpoll_stop("ngpoll_prepare: the request is NULL");
    if (blocks - 1 > 0xffff)
        ngpoll_stop("ngpoll_prepare: a command moves 1 to 65,536 blocks; give more commands");
    request->cmd.opcode = opcode;
    request->cmd.nsid = nsid;
    request->cmd.slba = slba;
    request->cmd.cdw12 = (blocks - 1) & 0xffff;
}

/** The command ended well. */
static inline bool ngpoll_ok(struct ngpoll_status status)
{
    union {
        struct ngpoll_status status;
        uint64_t word;
    } whole = {status};
    return whole.word == 0;
}

/** The status in words, cut to `size` bytes with the final zero; returns the whole length. */
size_t ngpoll_status_text(struct ngpoll_status status, char* text, size_t size);

/* ---- Rings. Opened, used and closed on one thread. ---- */

/** The options of a ring; ngpoll_ring_defaults() fills them in. */
struct ngpoll_ring_options {
    uint32_t depth; /**< requests outstanding at once; 0: its part of what the queue has left */
    uint32_t submit_batch_max; /**< most commands handed to the drive's side at once */
    int event_fd; /**< see ngpoll_arm_event(); -1: none */
};

/** Depth 0, batches of 32, no event. */
struct ngpoll_ring_options ngpoll_ring_defaults(void);
/** NULL options: the defaults. -EINVAL, -EBUSY (no room on the queue); by interrupt
 * also -ENOMEM, -EMFILE, -ENFILE, for each ring is then a kernel ring of its own. */
int ngpoll_ring_open(struct ngpoll_queue* queue, const struct ngpoll_ring_options* requested,
    struct ngpoll_ring** opened);
/** The depth in force. */
uint32_t ngpoll_ring_depth(const struct ngpoll_ring* ring);
/** Waits for what reached the drive, ends the rest with ECANCELED, and frees the ring. */
void ngpoll_ring_close(struct ngpoll_ring* ring);

/** Stages a request for the next poll, wait or flush. False: `depth` are outstanding, or the ring
 * is closing; the request is then the caller's still. */
bool ngpoll_submit(struct ngpoll_ring* ring, struct ngpoll_request* request);
/** The same for many, in their order; how many were taken, from the first one. */
uint32_t ngpoll_submit_all(
    struct ngpoll_ring* ring, struct ngpoll_request* const* requests, uint32_t count);
/** Submits all `count` requests, then waits for `n` of what is outstanding, or flushes for an `n`
 * of 0. Stops the program where there is no room for all of them. */
uint32_t ngpoll_submit_and_wait(
    struct ngpoll_ring* ring, struct ngpoll_request* const* requests, uint32_t count, uint32_t n);
/** One pass that never sleeps; how many requests finished. */
uint32_t ngpoll_poll(struct ngpoll_ring* ring);
/** Until `n` requests finished, or as many as are outstanding; how many did. */
uint32_t ngpoll_wait(struct ngpoll_ring* ring, uint32_t n);
/** The same, until `deadline_ns` of CLOCK_MONOTONIC at the latest. UINT64_MAX never comes. */
uint32_t ngpoll_wait_until(struct ngpoll_ring* ring, uint32_t n, uint64_t deadline_ns);
/** Sends what is staged and looks for nothing. */
void ngpoll_flush(struct ngpoll_ring* ring);
/** For event loops. True: `event_fd` will be written to. False: call ngpoll_poll() now. By
 * interrupt `n` counts as 1. */
bool ngpoll_arm_event(struct ngpoll_ring* ring, uint32_t n);
/** Requests accepted and not finished. */
uint32_t ngpoll_outstanding(const struct ngpoll_ring* ring);

#ifdef __cplusplus
}
#endif

#include <ngpoll/fetch_group.h> /* pools of workers; part of this header */

#endif /* NGPOLL_NGPOLL_H */
