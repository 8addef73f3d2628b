/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_REQUEST_H
#define NGPOLL_REQUEST_H

/** @file
 * Requests, their commands and their buffers, for C programs. ngpoll.h includes this file. The
 * structures are laid out like those of request.hpp. No call is needed to fill a request.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One of a pool's buffers. */
struct ngpoll_buffer {
    void* data; /**< its first byte */
    uint32_t size_bytes; /**< its size */
    uint16_t fixed_index; /**< NGPOLL_NOT_FIXED: not registered */
};
enum { NGPOLL_NOT_FIXED = 0xffff };

/** The submission queue entry of NVM Express, with pointers and lengths for data and metadata: the
 * first 64 bytes of the kernel's struct nvme_uring_cmd. */
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

/** Flush and write zeroes carry no data. Up to Linux 6.4 a polled queue ends them with EINVAL: the
 * kernel crashes on them. A queue by interrupt carries them out. */
enum {
    NGPOLL_OP_FLUSH = 0x00,
    NGPOLL_OP_WRITE = 0x01,
    NGPOLL_OP_READ = 0x02,
    NGPOLL_OP_WRITE_ZEROES = 0x08,
    NGPOLL_OP_DATASET_MANAGEMENT = 0x09
};

/** How a command ended. All members are zero after a success. */
struct ngpoll_status {
    int32_t errno_value; /**< positive: the kernel could not carry it out */
    uint16_t nvme_status; /**< the drive's answer: the completion's status field, no phase bit */
    uint8_t reserved; /**< always zero */
    uint8_t engine_taken; /**< zero in an outcome */
};

/** A request belongs to the caller until ngpoll_submit() takes it, then to the engine until
 * `on_complete` runs. It must stay at its address in between. Members named `engine_` belong to the
 * engine. */
struct ngpoll_request {
    void* engine_next __attribute__((aligned(64))); /**< the engine's */
    void* engine_owner; /**< the engine's */
    /** Runs on the ring's own thread, in poll, wait or close. It may submit the request again. */
    void (*on_complete)(struct ngpoll_request* request);
    void* context; /**< the caller's own */
    struct ngpoll_status status; /**< outcome */
    uint64_t result; /**< outcome: dwords 0 and 1 of the completion */
    uint32_t timeout_ms; /**< 0: the driver's own */
    uint16_t fixed_index; /**< by ngpoll_set_buffer() */
    bool fixed; /**< by ngpoll_set_buffer() */
    uint16_t engine_entry; /**< the engine's */
    struct ngpoll_command cmd __attribute__((aligned(64))); /**< the command for the drive */
};

/** An on_complete that does nothing, for a caller that looks at the outcome after ngpoll_wait(). */
void ngpoll_ignore_completion(struct ngpoll_request* request);

/** Call this before a request's first use, and never while the request is outstanding. */
void ngpoll_request_init(struct ngpoll_request* request);
/** Points the command's data at the whole of `target`. The memory must outlive the command. */
void ngpoll_set_buffer(struct ngpoll_request* request, struct ngpoll_buffer target);

/** Stops the program: `what` names the mistake. */
void ngpoll_stop(const char* what) __attribute__((noreturn, cold));

/** Makes a read or a write of `blocks` logical blocks, 1 to 65,536. Another number stops the
 * program. Set the buffer, too. */
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

/** Whether the command succeeded. */
static inline bool ngpoll_ok(struct ngpoll_status status)
{
    union {
        struct ngpoll_status status;
        uint64_t word;
    } whole = {status};
    return whole.word == 0;
}

/** Writes the status in words, cut to `size` bytes with the final zero. Returns the length of the
 * whole text. */
size_t ngpoll_status_text(struct ngpoll_status status, char* text, size_t size);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* NGPOLL_REQUEST_H */
