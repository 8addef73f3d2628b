/* SPDX-License-Identifier: MIT */
/*
 * ngpoll as an external engine of fio, over the C interface of the engine: the job and its I/O.
 * init() and post_init() run on the job's own thread, which opens the namespaces, their poll queues
 * and one ring for each file. Every completion comes back on it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ngpoll_fio.h"

/* A job's side of a file. */
struct file_state {
	struct shared_queue *shared;
	struct ngpoll_ring *ring;
	struct ngpoll_buffers *buffers;
	unsigned int nsid;
	unsigned int lba_shift;
	uint16_t first_fixed; /* of the buffers, which follow each other; or NGPOLL_NOT_FIXED */
};

struct job;

struct job_request {
	struct ngpoll_request request;
	struct io_u *io_u;
	struct job *job;
	struct file_state *file;
	uint32_t range[4]; /* of a deallocate: attributes, blocks, starting LBA */
};

struct job {
	unsigned int files_count;
	struct file_state *files;
	struct job_request *requests; /* one for each io_u, by its index */
	struct io_u **staged; /* queued, not committed */
	unsigned int staged_count;
	struct io_u **events; /* finished and not told: a circle of mask + 1 */
	unsigned int events_mask;
	unsigned int events_head;
	unsigned int events_tail;
};

/* ---- A job. ---- */

static int engine_init(struct thread_data *td)
{
	struct job *job = calloc(1, sizeof(*job));

	check_release(td);
	td->io_ops_data = job;
	return 0;
}

static void finished(struct ngpoll_request *request)
{
	struct job_request *mine = (struct job_request *)request;
	struct job *job = mine->job;

	mine->io_u->error = ngpoll_ok(request->status) ? 0 :
		request->status.errno_value ? request->status.errno_value : EIO;
	mine->io_u->resid = 0;
	job->events[job->events_tail++ & job->events_mask] = mine->io_u;
}

static int open_file_state(struct thread_data *td, struct file_state *file, const char *path)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_ring_options how = ngpoll_ring_defaults();
	struct ngpoll_namespace_info info;
	struct io_u *first = td->io_u_all.io_us[0];
	int failed;

	failed = find_or_make_queue(td, path, &file->shared);
	if (failed)
		return failed;
	ngpoll_namespace_get_info(file->shared->ns, &info);
	file->nsid = info.nsid;
	file->lba_shift = (unsigned int)__builtin_ctz(info.block_bytes);
	file->first_fixed = NGPOLL_NOT_FIXED;
	how.depth = td->o.iodepth;
	failed = ngpoll_ring_open(file->shared->queue, &how, &file->ring);
	if (failed || !o->fixedbufs || !first->buf)
		return failed;
	/* fio's buffers lie side by side. */
	failed = ngpoll_buffers_adopt(file->shared->queue, first->buf, td->o.iodepth,
		(uint32_t)td_max_bs(td), &file->buffers);
	if (failed)
		return failed;
	file->first_fixed = ngpoll_buffers_at(file->buffers, 0).fixed_index;
	return 0;
}

static int engine_post_init(struct thread_data *td)
{
	struct job *job = td->io_ops_data;
	const struct engine_options *o = td->eo;
	unsigned int size = 1, i;
	struct fio_file *f;

	while (size < td->o.iodepth)
		size *= 2;
	job->events_mask = size - 1;
	job->events = calloc(size, sizeof(*job->events));
	job->staged = calloc(td->o.iodepth, sizeof(*job->staged));
	job->requests = aligned_alloc(64, td->o.iodepth * sizeof(*job->requests));
	memset(job->requests, 0, td->o.iodepth * sizeof(*job->requests));
	for (i = 0; i < td->o.iodepth; i++) {
		struct job_request *mine = &job->requests[i];

		ngpoll_request_init(&mine->request);
		mine->request.on_complete = finished;
		mine->request.timeout_ms = o->timeout_ms;
		mine->io_u = td->io_u_all.io_us[i];
		mine->job = job;
		mine->io_u->engine_data = mine;
	}
	job->files = calloc(td->o.nr_files, sizeof(*job->files));
	job->files_count = td->o.nr_files;
	for_each_file(td, f, i) {
		int failed = open_file_state(td, &job->files[i], f->file_name);

		if (failed)
			return refuse_failed(td, failed);
	}
	return 0;
}

static void engine_cleanup(struct thread_data *td)
{
	struct job *job = td->io_ops_data;
	unsigned int i;

	if (!job)
		return;
	for (i = 0; job->files && i < job->files_count; i++) {
		struct file_state *file = &job->files[i];

		ngpoll_ring_close(file->ring);
		ngpoll_buffers_close(file->buffers);
		if (file->shared)
			release_queue(file->shared);
	}
	free(job->files);
	free(job->requests);
	free(job->staged);
	free(job->events);
	free(job);
	td->io_ops_data = NULL;
}

/* The files are open as long as the job. */
static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	return 0;
}

static int engine_close_file(struct thread_data *td, struct fio_file *f)
{
	return 0;
}

/* ---- I/O. ---- */

static void set_data(struct ngpoll_request *r, const void *data, unsigned long long bytes,
		     uint16_t fixed_index)
{
	r->cmd.data = (uint64_t)(uintptr_t)data;
	r->cmd.data_bytes = (uint32_t)bytes;
	r->fixed = fixed_index != NGPOLL_NOT_FIXED;
	r->fixed_index = fixed_index;
}

static int prepare_transfer(struct job_request *mine, uint8_t opcode)
{
	const struct file_state *file = mine->file;
	const struct io_u *io_u = mine->io_u;
	const unsigned long long mask = (1ULL << file->lba_shift) - 1;
	struct ngpoll_request *r = &mine->request;

	if ((io_u->offset | io_u->xfer_buflen) & mask) {
		log_err("ngpoll: offset %llu and length %llu are not whole blocks of %llu bytes\n",
			io_u->offset, io_u->xfer_buflen, mask + 1);
		return -EINVAL;
	}
	ngpoll_prepare(r, opcode, file->nsid, io_u->offset >> file->lba_shift,
		(uint32_t)(io_u->xfer_buflen >> file->lba_shift));
	if (opcode == NGPOLL_OP_WRITE_ZEROES)
		set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
	else /* Not io_u->index: it shares its place with engine_data. */
		set_data(r, io_u->xfer_buf, io_u->xfer_buflen, file->first_fixed == NGPOLL_NOT_FIXED ?
			NGPOLL_NOT_FIXED :
			(uint16_t)(file->first_fixed + (mine - mine->job->requests)));
	return 0;
}

/* Dataset Management with one range, deallocate. */
static void prepare_deallocate(struct job_request *mine)
{
	const struct file_state *file = mine->file;
	const uint64_t slba = mine->io_u->offset >> file->lba_shift;
	struct ngpoll_request *r = &mine->request;
	enum { DEALLOCATE = 1 << 2 };

	mine->range[0] = 0;
	mine->range[1] = (uint32_t)(mine->io_u->xfer_buflen >> file->lba_shift);
	mine->range[2] = (uint32_t)slba;
	mine->range[3] = (uint32_t)(slba >> 32);
	r->cmd = (struct ngpoll_command){
		.opcode = NGPOLL_OP_DATASET_MANAGEMENT,
		.nsid = file->nsid,
		.slba = (uint64_t)DEALLOCATE << 32, /* cdw10: ranges, minus one; cdw11 */
	};
	set_data(r, mine->range, sizeof(mine->range), NGPOLL_NOT_FIXED);
}

static void prepare_flush(struct job_request *mine)
{
	struct ngpoll_request *r = &mine->request;

	r->cmd = (struct ngpoll_command){ .opcode = NGPOLL_OP_FLUSH, .nsid = mine->file->nsid };
	set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
}

static int engine_prep(struct thread_data *td, struct io_u *io_u)
{
	const struct engine_options *o = td->eo;
	struct job *job = td->io_ops_data;
	struct job_request *mine = io_u->engine_data;

	mine->file = &job->files[io_u->file->fileno];
	switch (io_u->ddir) {
	case DDIR_READ:
		return prepare_transfer(mine, NGPOLL_OP_READ);
	case DDIR_WRITE:
		return prepare_transfer(mine,
			o->write_mode == WRITE_ZEROES ? NGPOLL_OP_WRITE_ZEROES : NGPOLL_OP_WRITE);
	case DDIR_TRIM:
		prepare_deallocate(mine);
		return 0;
	default:
		if (!ddir_sync(io_u->ddir))
			return -EINVAL;
		prepare_flush(mine);
		return 0;
	}
}

static enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u)
{
	struct job *job = td->io_ops_data;
	struct job_request *mine = io_u->engine_data;

	fio_ro_check(td, io_u);
	if (!ngpoll_submit(mine->file->ring, &mine->request))
		return FIO_Q_BUSY;
	job->staged[job->staged_count++] = io_u;
	return FIO_Q_QUEUED;
}

static int engine_commit(struct thread_data *td)
{
	struct job *job = td->io_ops_data;
	struct timespec now;
	unsigned int i;

	if (job->staged_count == 0)
		return 0;
	for (i = 0; i < job->files_count; i++)
		ngpoll_flush(job->files[i].ring);
	io_u_mark_submit(td, job->staged_count);
	if (fio_fill_issue_time(td)) {
		fio_gettime(&now, NULL);
		for (i = 0; i < job->staged_count; i++) {
			job->staged[i]->issue_time = now;
			io_u_queued(td, job->staged[i]);
		}
		if (td->o.read_iolog_file)
			td->last_issue = now;
	}
	job->staged_count = 0;
	return 0;
}

static unsigned int ready(const struct job *job)
{
	return job->events_tail - job->events_head;
}

/* Until `min` have finished, or `t` is over. */
static void reap(struct job *job, unsigned int min, const struct timespec *t)
{
	struct timespec now;
	uint64_t deadline = 0;
	unsigned int i;

	if (t) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		deadline = (uint64_t)(now.tv_sec + t->tv_sec) * 1000000000 +
			(uint64_t)(now.tv_nsec + t->tv_nsec);
	}
	if (job->files_count == 1 && t)
		ngpoll_wait_until(job->files[0].ring, min - ready(job), deadline);
	else if (job->files_count == 1)
		ngpoll_wait(job->files[0].ring, min - ready(job));
	/* None of several rings may be slept on. */
	while (job->files_count > 1 && ready(job) < min) {
		for (i = 0; i < job->files_count; i++)
			ngpoll_poll(job->files[i].ring);
		if (t) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= deadline)
				return;
		}
	}
}

static int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
			    const struct timespec *t)
{
	struct job *job = td->io_ops_data;
	unsigned int i;

	if (ready(job) < min)
		reap(job, min, t);
	else if (ready(job) == 0)
		for (i = 0; i < job->files_count; i++)
			ngpoll_poll(job->files[i].ring);
	return (int)(ready(job) < max ? ready(job) : max);
}

static struct io_u *engine_event(struct thread_data *td, int event)
{
	struct job *job = td->io_ops_data;

	/* fio asks for each one that getevents() told of, in order. */
	return job->events[job->events_head++ & job->events_mask];
}

static char *details(const struct io_u *io_u)
{
	const struct job_request *mine = io_u->engine_data;
	const size_t size = 300;
	char *text = malloc(size);
	int length;

	if (!text)
		return NULL;
	length = snprintf(text, size, "ngpoll: %s at offset %llu: ", io_ddir_name(io_u->ddir),
		io_u->offset);
	ngpoll_status_text(mine->request.status, text + length, size - (size_t)length);
	return text;
}

#if FIO_IOOPS_VERSION >= 36
static char *engine_errdetails(struct thread_data *td, struct io_u *io_u)
{
	return details(io_u);
}
#else
static char *engine_errdetails(struct io_u *io_u)
{
	return details(io_u);
}
#endif

struct ioengine_ops ioengine = {
	.name = "ngpoll",
	.version = FIO_IOOPS_VERSION,
	.flags = FIO_NO_OFFLOAD | FIO_MEMALIGN | FIO_RAWIO | FIO_NOEXTEND | FIO_NODISKUTIL |
		FIO_ASYNCIO_SETS_ISSUE_TIME,
	.get_file_size = engine_get_file_size,
	.init = engine_init,
	.post_init = engine_post_init,
	.cleanup = engine_cleanup,
	.open_file = engine_open_file,
	.close_file = engine_close_file,
	.prep = engine_prep,
	.queue = engine_queue,
	.commit = engine_commit,
	.getevents = engine_getevents,
	.event = engine_event,
	.errdetails = engine_errdetails,
	.options = engine_option_table,
	.option_struct_size = sizeof(struct engine_options),
};
