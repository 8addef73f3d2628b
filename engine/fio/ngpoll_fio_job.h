/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_JOB_H
#define NGPOLL_FIO_JOB_H

/* The state of a running job. Only the job's own thread uses it. */
#include <stdbool.h>
#include <stdint.h>

#include <fio.h>

#include <ngpoll/ngpoll.h>

struct opened_queue;
struct job;

/* A file of the job: a namespace. */
struct file_state {
	struct opened_queue *opened;
	struct ngpoll_ring *ring;
	struct ngpoll_buffers *buffers;
	struct ngpoll_write_permit *permit; /* while fio has the file open and the job writes */
	unsigned int nsid;
	unsigned int block_bytes;
	unsigned int metadata_bytes; /* of a block, in a buffer of its own */
	unsigned long long transfer_max; /* bytes of one command */
	bool may_write; /* the job said that it writes */
	/* An offset becomes a block by a shift where the block is below the limit. Other offsets
	 * are divided. */
	unsigned int block_shift;
	uint64_t slba_limit;
	uint16_t first_fixed; /* of the job's buffers, in a row; or NGPOLL_NOT_FIXED */
};

/* The request of one io_u. A job repeats itself, so the request keeps the last command: repeat()
 * changes its block and its address, and sends it again. */
struct job_request {
	struct ngpoll_request request;
	struct io_u *io_u;
	struct job *job;
	struct fio_file *f;
	struct file_state *file; /* of `f` */
	unsigned long long bytes;
	unsigned int block_shift; /* of `file`, like `slba_limit` */
	uint64_t slba_limit;
	enum fio_ddir set_up_for; /* direction of the last command; DDIR_INVAL: no repeat */
	enum fio_ddir ddir; /* `set_up_for`, but DDIR_INVAL at a depth of 1: see engine_queue() */
	uint32_t range[4]; /* of a deallocate: attributes, blocks, starting LBA */
};

struct job {
	unsigned int files_count;
	bool keeps_issue_times;
	bool one_by_one; /* iodepth=1 */
	struct file_state *files;
	struct job_request *requests; /* one for each io_u, by its index */
	char *metadata; /* md_per_io_size bytes for each request */
	struct ngpoll_request **staged; /* queued by fio and not sent; first those committed */
	struct ngpoll_request **committed_end;
	struct ngpoll_request **staged_end;
	struct io_u **told_end; /* getevents() has counted the io_us before this one */
	struct io_u **ready_end;
	struct io_u *ready[]; /* finished */
};

#endif
