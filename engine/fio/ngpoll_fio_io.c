/* SPDX-License-Identifier: MIT */
/* A job's I/O: what fio calls for each one, and for each batch. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "ngpoll_fio.h"

/* What a job does rarely is kept out of line, so that what it does for each I/O saves no registers.
 */
#define RARE __attribute__((noinline, cold))

static void set_error(const struct job_request *mine)
{
	const struct ngpoll_status status = mine->request.status;

	mine->io_u->error = status.errno_value ? status.errno_value : EIO;
}

/* fio has cleared the io_u's error before it was queued. */
void io_finished(struct ngpoll_request *request)
{
	const struct job_request *mine = (struct job_request *)request;
	struct job *job = mine->job;

	if (!ngpoll_ok(request->status))
		set_error(mine);
	*job->ready_end++ = mine->io_u;
}

static void set_data(struct ngpoll_request *r, const void *data, unsigned long long bytes,
		     uint16_t fixed_index)
{
	r->cmd.data = (uint64_t)(uintptr_t)data;
	r->cmd.data_bytes = (uint32_t)bytes;
	r->fixed = fixed_index != NGPOLL_NOT_FIXED;
	r->fixed_index = fixed_index;
}

/* Before a job starts its sizes are checked as they are known then. A log that is replayed has its
 * own, and nothing may reach past the buffers or a drive in use, whatever fio left out. */
static int check_common(const struct job_request *mine)
{
	const struct file_state *file = mine->file;
	const struct io_u *io_u = mine->io_u;

	if (io_u->xfer_buflen == 0 || io_u->offset % file->block_bytes ||
	    io_u->xfer_buflen % file->block_bytes) {
		log_err("ngpoll: offset %llu and length %llu are not whole blocks of %u bytes\n",
			io_u->offset, io_u->xfer_buflen, file->block_bytes);
		return EINVAL;
	}
	if (io_u->ddir != DDIR_READ && !file->may_write) {
		log_err("ngpoll: %s was opened by a job that only reads; it is not written\n",
			io_u->file->file_name);
		return EPERM;
	}
	return 0;
}

static int check_transfer(const struct engine_options *o, const struct job_request *mine,
			  bool zeroes)
{
	const struct file_state *file = mine->file;
	const unsigned long long bytes = mine->io_u->xfer_buflen;
	const int refused = check_common(mine);

	if (refused)
		return refused;
	if (bytes > file->transfer_max) {
		log_err("ngpoll: length %llu is more than one command moves (MDTS, or 65536 "
			"blocks), which is %llu\n", bytes, file->transfer_max);
		return EINVAL;
	}
	if (!zeroes && bytes / file->block_bytes * file->metadata_bytes > o->md_per_io_size) {
		log_err("ngpoll: %llu bytes have more metadata than the buffer for it holds; give "
			"md_per_io_size=%llu\n", bytes,
			bytes / file->block_bytes * file->metadata_bytes);
		return EINVAL;
	}
	return 0;
}

static int prepare_transfer(const struct engine_options *o, struct job_request *mine)
{
	enum { FORCE_UNIT_ACCESS = 1 << 30 };
	const struct file_state *file = mine->file;
	const struct io_u *io_u = mine->io_u;
	const struct job *job = mine->job;
	const ptrdiff_t index = mine - job->requests; /* io_u->index shares its place with engine_data */
	const bool reads = io_u->ddir == DDIR_READ;
	const bool zeroes = !reads && o->write_mode == WRITE_ZEROES;
	const uint32_t blocks = (uint32_t)(io_u->xfer_buflen / file->block_bytes);
	struct ngpoll_request *r = &mine->request;
	const int refused = check_transfer(o, mine, zeroes);

	if (refused)
		return refused;
	r->cmd = (struct ngpoll_command){ .nsid = file->nsid };
	ngpoll_prepare(r, reads ? NGPOLL_OP_READ : zeroes ? NGPOLL_OP_WRITE_ZEROES : NGPOLL_OP_WRITE,
		file->nsid, io_u->offset / file->block_bytes, blocks);
	if (reads ? o->readfua : o->writefua)
		r->cmd.cdw12 |= FORCE_UNIT_ACCESS;
	if (zeroes) {
		set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
		return 0;
	}
	set_data(r, io_u->xfer_buf, io_u->xfer_buflen, file->first_fixed == NGPOLL_NOT_FIXED ?
		NGPOLL_NOT_FIXED : (uint16_t)(file->first_fixed + index));
	if (file->metadata_bytes) {
		r->cmd.metadata = (uint64_t)(uintptr_t)job->metadata +
			(uint64_t)index * o->md_per_io_size;
		r->cmd.metadata_bytes = blocks * file->metadata_bytes;
	}
	mine->set_up_for = io_u->ddir;
	mine->bytes = io_u->xfer_buflen;
	mine->block_shift = file->block_shift;
	mine->slba_limit = file->slba_limit;
	if (!job->one_by_one)
		mine->ddir = io_u->ddir;
	return 0;
}

/* Dataset Management with one range, deallocate. */
static int prepare_deallocate(struct job_request *mine)
{
	const struct file_state *file = mine->file;
	const uint64_t slba = mine->io_u->offset / file->block_bytes;
	const uint64_t blocks = mine->io_u->xfer_buflen / file->block_bytes;
	struct ngpoll_request *r = &mine->request;
	const int refused = check_common(mine);
	enum { DEALLOCATE = 1 << 2 };

	if (refused)
		return refused;
	if (blocks > UINT32_MAX) {
		log_err("ngpoll: one trim is of %u blocks at most, and not of %llu\n", UINT32_MAX,
			(unsigned long long)blocks);
		return EINVAL;
	}
	mine->range[0] = 0;
	mine->range[1] = (uint32_t)blocks;
	mine->range[2] = (uint32_t)slba;
	mine->range[3] = (uint32_t)(slba >> 32);
	r->cmd = (struct ngpoll_command){
		.opcode = NGPOLL_OP_DATASET_MANAGEMENT,
		.nsid = file->nsid,
		.slba = (uint64_t)DEALLOCATE << 32, /* cdw10: ranges, minus one; cdw11 */
	};
	set_data(r, mine->range, sizeof(mine->range), NGPOLL_NOT_FIXED);
	return 0;
}

static void prepare_flush(struct job_request *mine)
{
	struct ngpoll_request *r = &mine->request;

	r->cmd = (struct ngpoll_command){ .opcode = NGPOLL_OP_FLUSH, .nsid = mine->file->nsid };
	set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
}

static void stage(struct job *job, struct job_request *mine)
{
	*job->staged_end++ = &mine->request;
}

static RARE void set_issue_times(struct thread_data *td, const struct job *job)
{
	struct ngpoll_request **at;
	struct timespec now;

	fio_gettime(&now, NULL);
	for (at = job->committed_end; at != job->staged_end; at++) {
		struct io_u *io_u = ((struct job_request *)*at)->io_u;

		io_u->issue_time = now;
		io_u_queued(td, io_u);
	}
	if (td->o.read_iolog_file)
		td->last_issue = now;
}

/* With a depth of 1 there is nothing to do meanwhile, and fio spends less on what is complete when
 * it was queued. What failed goes the usual way, which asks for the details; fio must not see an
 * error here already, or it counts two. */
static enum fio_q_status complete_now(struct thread_data *td, struct job_request *mine)
{
	struct job *job = mine->job;

	if (job->keeps_issue_times)
		set_issue_times(td, job);
	job->told_end = job->ready_end = job->ready;
	job->staged_end = job->staged;
	io_u_mark_submit(td, 1);
	ngpoll_submit_and_wait(mine->file->ring, job->staged, 1, 1);
	if (mine->io_u->error) {
		mine->io_u->error = 0;
		return FIO_Q_QUEUED;
	}
	job->ready_end = job->ready;
	io_u_mark_complete(td, 1);
	return FIO_Q_COMPLETED;
}

/* Stages a command that is set up but for its block and address, and so was checked. False where it
 * is not. */
static inline bool repeat(struct job_request *mine, const struct io_u *io_u,
			  enum fio_ddir set_up_for)
{
	/* Rotated, an offset of whole blocks is their number, and any other one has high bits. */
	const uint64_t slba = io_u->offset >> mine->block_shift |
		io_u->offset << (-mine->block_shift & 63);

	if (set_up_for != io_u->ddir || mine->f != io_u->file ||
	    mine->bytes != io_u->xfer_buflen || slba >= mine->slba_limit)
		return false;
	mine->request.cmd.slba = slba;
	mine->request.cmd.data = (uint64_t)(uintptr_t)io_u->xfer_buf;
	stage(mine->job, mine);
	return true;
}

static RARE enum fio_q_status prepare_and_stage(struct thread_data *td, struct job_request *mine)
{
	struct io_u *io_u = mine->io_u;

	fio_ro_check(td, io_u); /* once: a command that is repeated goes the same direction */
	if (mine->job->one_by_one && repeat(mine, io_u, mine->set_up_for))
		return complete_now(td, mine);
	mine->f = io_u->file;
	mine->file = FILE_ENG_DATA(io_u->file);
	mine->ddir = mine->set_up_for = DDIR_INVAL;
	if (io_u->ddir == DDIR_READ || io_u->ddir == DDIR_WRITE)
		io_u->error = prepare_transfer(td->eo, mine);
	else if (io_u->ddir == DDIR_TRIM)
		io_u->error = prepare_deallocate(mine);
	else if (ddir_sync(io_u->ddir))
		prepare_flush(mine);
	else
		io_u->error = EINVAL;
	if (io_u->error)
		return FIO_Q_COMPLETED;
	stage(mine->job, mine);
	return mine->job->one_by_one ? complete_now(td, mine) : FIO_Q_QUEUED;
}

/* Commands are prepared here and not in the hook for that, which would cost one more call each. */
enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u)
{
	struct job_request *mine = io_u->engine_data;

	return repeat(mine, io_u, mine->ddir) ? FIO_Q_QUEUED : prepare_and_stage(td, mine);
}

/* Sends what is staged, and looks for nothing. */
static int send_staged(struct job *job)
{
	struct ngpoll_request **at;
	unsigned int i;

	for (at = job->staged; at != job->staged_end; at++)
		if (!ngpoll_submit(((struct job_request *)*at)->file->ring, *at))
			return -EBUSY; /* cannot be: a ring has room for all that a job has */
	for (i = 0; i < job->files_count; i++)
		ngpoll_flush(job->files[i].ring);
	job->committed_end = job->staged_end = job->staged;
	return 0;
}

static __attribute__((noinline)) int commit_staged(struct thread_data *td, struct job *job)
{
	const size_t count = (size_t)(job->staged_end - job->committed_end);

	if (job->keeps_issue_times)
		set_issue_times(td, job);
	job->committed_end = job->staged_end;
	io_u_mark_submit(td, (unsigned int)count);
	/* With the job's depth reached fio looks for completions next, and the commands go with that
	 * look: one system call, not two. */
	return td->cur_depth < td->o.iodepth ? send_staged(job) : 0;
}

/* fio commits what it has queued, and again before it looks for completions. */
int engine_commit(struct thread_data *td)
{
	struct job *job = td->io_ops_data;

	return job->committed_end == job->staged_end ? 0 : commit_staged(td, job);
}

static uint64_t deadline_after(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec + t->tv_sec) * 1000000000 +
		(uint64_t)(now.tv_nsec + t->tv_nsec);
}

static unsigned int ready(const struct job *job)
{
	return (unsigned int)(job->ready_end - job->ready);
}

/* Until `min` are ready, or `t` is over: none of several rings may be slept on. */
static void poll_all(struct job *job, unsigned int min, const struct timespec *t)
{
	const struct timespec none = { 0, 0 };
	const uint64_t deadline = t ? deadline_after(t) : 0;
	unsigned int i;

	do {
		for (i = 0; i < job->files_count; i++)
			ngpoll_poll(job->files[i].ring);
	} while (ready(job) < min && (!t || deadline_after(&none) < deadline));
}

/* The ready ones that fio has not been told of come first now. */
static void drop_told(struct job *job)
{
	const size_t left = (size_t)(job->ready_end - job->told_end);

	memmove(job->ready, job->told_end, left * sizeof(*job->ready));
	job->ready_end = job->ready + left;
	job->told_end = job->ready;
}

static int tell(struct job *job, unsigned int max)
{
	const unsigned int count = ready(job) < max ? ready(job) : max;

	job->told_end = job->ready + count;
	return (int)count;
}

static void submit_and_wait(struct job *job, unsigned int n)
{
	ngpoll_submit_and_wait(job->files->ring, job->staged,
		(uint32_t)(job->staged_end - job->staged), n);
	job->committed_end = job->staged_end = job->staged;
}

static __attribute__((noinline)) int getevents(struct job *job, unsigned int min, unsigned int max,
					       const struct timespec *t)
{
	int failed;

	drop_told(job);
	if (job->one_by_one && ready(job) == 1)
		set_error(job->ready[0]->engine_data);
	if (job->files_count == 1 && !t && min != 0) {
		submit_and_wait(job, ready(job) < min ? min - ready(job) : 0);
		return tell(job, max);
	}
	failed = send_staged(job);
	if (failed)
		return failed;
	if (job->files_count > 1)
		poll_all(job, min, t);
	else if (ready(job) < min)
		ngpoll_wait_until(job->files->ring, min - ready(job), deadline_after(t));
	else if (ready(job) == 0)
		ngpoll_poll(job->files->ring);
	return tell(job, max);
}

int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
		     const struct timespec *t)
{
	struct job *job = td->io_ops_data;

	if (job->ready_end != job->told_end || job->files_count != 1 || t || min == 0)
		return getevents(job, min, max, t);
	job->ready_end = job->ready;
	submit_and_wait(job, min);
	return tell(job, max);
}

struct io_u *engine_event(struct thread_data *td, int event)
{
	const struct job *job = td->io_ops_data;

	return job->ready[event];
}
