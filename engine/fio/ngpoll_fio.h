/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_H
#define NGPOLL_FIO_H

/*
 * What the parts of the fio engine share. Built for one release of fio: the layout of its
 * structures changes while the version of its engine interface does not.
 */
#include <stdbool.h>
#include <stdint.h>

#include <fio.h>

#include <ngpoll/ngpoll.h>

enum write_mode { WRITE_DATA, WRITE_ZEROES };

struct engine_options {
	void *td; /* fio's; nothing of ours may be at offset 0 */
	unsigned int hipri;
	unsigned int fixedbufs;
	unsigned int registerfiles;
	int nonvectored;
	unsigned int cmd_type;
	unsigned int write_mode;
	unsigned int timeout_ms;
	unsigned int md_per_io_size;
	unsigned int readfua;
	unsigned int writefua;
	unsigned int no_effect;
	char *no_effect_text;
	char *share_poll;
};

extern struct fio_option engine_option_table[];

/* A namespace with its poll queue: a job's own, or one that jobs share by a name. */
struct shared_queue {
	struct shared_queue *next;
	char *name; /* NULL: a job's own */
	char *path;
	unsigned int users;
	struct ngpoll_namespace *ns;
	struct ngpoll_queue *queue;
};

/* A job's side of a file. */
struct file_state {
	struct shared_queue *shared;
	struct ngpoll_ring *ring;
	struct ngpoll_buffers *buffers;
	struct ngpoll_write_permit *permit; /* while fio has the file open and the job writes */
	unsigned int nsid;
	unsigned int block_bytes;
	unsigned int metadata_bytes; /* of a block, in a buffer of its own */
	unsigned long long transfer_max; /* bytes of one command */
	bool may_write; /* the job said that it writes */
	/* Offsets become blocks by a shift, where those are below the limit; others are divided. */
	unsigned int block_shift;
	uint64_t slba_limit;
	uint16_t first_fixed; /* of the buffers, which follow each other; or NGPOLL_NOT_FIXED */
};

struct job;

struct job_request {
	struct ngpoll_request request;
	struct io_u *io_u;
	struct job *job;
	/* What the command is set up for: a job repeats itself. */
	struct fio_file *f;
	struct file_state *file; /* of `f` */
	unsigned long long bytes;
	unsigned int block_shift; /* of `file`, like `slba_limit` */
	uint64_t slba_limit;
	enum fio_ddir set_up_for; /* DDIR_INVAL: nothing that may be repeated */
	enum fio_ddir ddir; /* the same, where it need only be staged; DDIR_INVAL at a depth of 1 */
	uint32_t range[4]; /* of a deallocate: attributes, blocks, starting LBA */
};

struct job {
	unsigned int files_count;
	bool keeps_issue_times;
	bool one_by_one; /* iodepth=1 */
	struct file_state *files;
	struct job_request *requests; /* one for each io_u, by its index */
	char *metadata; /* md_per_io_size for each of them */
	struct ngpoll_request **staged; /* queued by fio and not sent, the committed ones first */
	struct ngpoll_request **committed_end;
	struct ngpoll_request **staged_end;
	struct io_u **told_end; /* fio has been told of those before */
	struct io_u **ready_end;
	struct io_u *ready[]; /* finished */
};

/* Refuse a job, as hooks of fio do: 1, with the reason in `td` and printed. */
int refuse(struct thread_data *td, int error, const char *text);
/* The same for what a call of the engine returned. */
int refuse_failed(struct thread_data *td, int failed);
int refuse_no_memory(struct thread_data *td);

/* Whether metadata travels beside the data, and not after each block of it. */
static inline bool has_separate_metadata(const struct ngpoll_namespace_info *info)
{
	return info->metadata_bytes != 0 && info->block_bytes == info->lba_bytes;
}

/* The most that one command moves. */
unsigned long long transfer_max(const struct ngpoll_namespace_info *info);

/* Whether the job may send writes or trims, as fio says it: good once a log to replay is read. */
bool job_writes(const struct thread_data *td);

/* Whether the job may share a poll queue as it asks to: 0, or refused, 1. */
int check_sharing(struct thread_data *td);

/* Whether the job may run on that namespace: 0 and the size is set, or refused, 1. */
int check_file(struct thread_data *td, struct fio_file *f, const struct ngpoll_namespace *ns,
	       const struct ngpoll_namespace_info *info);

/* Leave to write to the namespace: 0, or refused, 1. NULL where the job needs none. */
int take_permit(struct thread_data *td, const struct ngpoll_namespace *ns,
		struct ngpoll_write_permit **taken);

/* The same in fio's main process, with nothing open. */
int set_file_size(struct thread_data *td, struct fio_file *f);

/* Counts the job among those of its share_poll, whose queue is as deep as they need together: 0, or
 * refused, 1. In fio's main process. */
int announce_sharer(struct thread_data *td);

/* The poll queue that the job asks for, on the job's thread; 0, or refused, 1. What is found, in
 * part, too, is released. */
int find_or_make_queue(struct thread_data *td, const char *path, struct shared_queue **found);
void release_queue(struct shared_queue *shared);

/* The completion of each command, and fio's hooks for I/O. */
void io_finished(struct ngpoll_request *request);
enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u);
int engine_commit(struct thread_data *td);
int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
		     const struct timespec *t);
struct io_u *engine_event(struct thread_data *td, int event);

#endif
