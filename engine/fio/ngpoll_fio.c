/* SPDX-License-Identifier: MIT */
/*
 * ngpoll as an external engine of fio, over the C interface of the engine: a job from its start to
 * its end. init() and post_init() run on the job's own thread, which opens the namespaces, their
 * poll queues and one ring for each file. Every completion comes back on it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ngpoll_fio.h"

extern struct ioengine_ops ioengine;

/* Nothing of `td` may be read before this, nor written: in another release it is laid out
 * differently. The hook then fails, and fio ends: exit() from here would pull its memory from under
 * its other threads. */
static bool is_right_release(const struct thread_data *td)
{
	if (strcmp(fio_version_string, NGPOLL_FIO_VERSION) != 0) {
		log_err("ngpoll: this engine was built for %s and this is %s; build it for this one "
			"(-DNGPOLL_FIO_SOURCE=DIR)\n", NGPOLL_FIO_VERSION, fio_version_string);
		return false;
	}
	if (td->io_ops != &ioengine) {
		log_err("ngpoll: fio's structures are laid out otherwise than in the source this "
			"engine was built with; build it with the config-host.h of this fio\n");
		return false;
	}
	return true;
}

/* The first hook of a job that fio calls, once for each, and for all jobs before the first of them
 * starts. An engine that has this hook sizes the job's files in it. With create_serialize=0 it runs
 * on the job's own thread. The files of a log come later. */
static int engine_setup(struct thread_data *td)
{
	struct fio_file *f;
	unsigned int i;

	if (!is_right_release(td))
		return 1;
	if (!td->o.read_iolog_file)
		for_each_file(td, f, i)
			if (set_file_size(td, f))
				return 1;
	return announce_sharer(td);
}

static int engine_init(struct thread_data *td)
{
	if (!is_right_release(td))
		return 1;
	td->io_ops_data = calloc(1, sizeof(struct job) + td->o.iodepth * sizeof(struct io_u *));
	return td->io_ops_data ? 0 : refuse_no_memory(td);
}

static void describe(struct file_state *file, const struct ngpoll_namespace_info *info)
{
	file->nsid = info->nsid;
	file->block_bytes = info->block_bytes;
	file->metadata_bytes = has_separate_metadata(info) ? info->metadata_bytes : 0;
	file->transfer_max = transfer_max(info);
	file->block_shift = (unsigned int)__builtin_ctz(info->block_bytes);
	/* With metadata among the data blocks have odd sizes. */
	file->slba_limit = info->block_bytes & (info->block_bytes - 1) ? 0 :
		UINT64_C(1) << (64 - file->block_shift);
	file->first_fixed = NGPOLL_NOT_FIXED;
}

static int adopt_buffers(struct thread_data *td, struct file_state *file, void *first)
{
	int failed;

	/* The kernel would go on with the pages of the old ones, and the data be lost. */
	if (td->o.read_iolog_file && td->o.read_iolog_chunked)
		return refuse(td, EINVAL, "fio makes its buffers anew for larger commands that it finds "
			"in a log later; leave out fixedbufs or read_iolog_chunked");
	if (td_max_bs(td) > UINT32_MAX)
		return refuse(td, EINVAL, "fixedbufs: fio makes all buffers as large as the largest bs, "
			"that of trims, too; no buffer is larger than 4 GiB");
	/* fio's buffers lie side by side. */
	failed = ngpoll_buffers_adopt(file->shared->queue, first, td->o.iodepth,
		(uint32_t)td_max_bs(td), &file->buffers);

	if (failed)
		return refuse_failed(td, failed);
	file->first_fixed = ngpoll_buffers_at(file->buffers, 0).fixed_index;
	return 0;
}

/* 0, or refused, 1. Every file of every job comes here, those that a log names, too. */
static int open_file_state(struct thread_data *td, struct file_state *file, struct fio_file *f)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_ring_options requested = ngpoll_ring_defaults();
	struct ngpoll_namespace_info info;
	void *first_buffer = td->io_u_all.io_us[0]->buf;
	int failed;

	if (find_or_make_queue(td, f->file_name, &file->shared))
		return 1;
	ngpoll_namespace_get_info(file->shared->ns, &info);
	if (check_file(td, f, file->shared->ns, &info))
		return 1;
	file->may_write = job_writes(td);
	describe(file, &info);
	requested.depth = td->o.iodepth;
	failed = ngpoll_ring_open(file->shared->queue, &requested, &file->ring);
	if (failed)
		return refuse_failed(td, failed);
	return o->fixedbufs && first_buffer ? adopt_buffers(td, file, first_buffer) : 0;
}

/* What fails halfway engine_cleanup() frees. */
static int allocate(struct thread_data *td, struct job *job)
{
	const struct engine_options *o = td->eo;
	const size_t depth = td->o.iodepth;

	job->staged = calloc(depth, sizeof(*job->staged));
	job->requests = aligned_alloc(64, depth * sizeof(*job->requests));
	job->metadata = calloc(depth, o->md_per_io_size ? o->md_per_io_size : 1);
	job->files = calloc(td->o.nr_files, sizeof(*job->files));
	if (!job->staged || !job->requests || !job->metadata || !job->files)
		return refuse_no_memory(td);
	memset(job->requests, 0, depth * sizeof(*job->requests));
	job->committed_end = job->staged_end = job->staged;
	job->told_end = job->ready_end = job->ready;
	job->files_count = td->o.nr_files;
	return 0;
}

static int engine_post_init(struct thread_data *td)
{
	struct job *job = td->io_ops_data;
	const struct engine_options *o = td->eo;
	struct fio_file *f;
	unsigned int i;

	if (td->o.nr_files == 0)
		return refuse(td, ENODEV, "the job has no file; a log that is replayed names its "
			"files in lines with 'add'");
	if (check_sharing(td) || allocate(td, job))
		return 1;
	for (i = 0; i < td->o.iodepth; i++) {
		struct job_request *mine = &job->requests[i];

		ngpoll_request_init(&mine->request);
		mine->request.on_complete = io_finished;
		mine->request.timeout_ms = o->timeout_ms;
		mine->io_u = td->io_u_all.io_us[i];
		mine->job = job;
		mine->ddir = mine->set_up_for = DDIR_INVAL;
		mine->io_u->engine_data = mine;
	}
	job->keeps_issue_times = fio_fill_issue_time(td);
	job->one_by_one = td->o.iodepth == 1;
	for_each_file(td, f, i) {
		FILE_SET_ENG_DATA(f, &job->files[i]);
		if (open_file_state(td, &job->files[i], f))
			return 1;
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
		ngpoll_write_permit_close(file->permit);
		if (file->shared)
			release_queue(file->shared);
	}
	free(job->files);
	free(job->requests);
	free(job->metadata);
	free(job->staged);
	free(job);
	td->io_ops_data = NULL;
}

/* Rings and queues are open as long as the job; only the permit to write goes with fio's own open
 * and close. A file without a state comes from a part of a log that fio read later: requests point
 * into the array of files, which cannot grow. */
static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	struct file_state *file = FILE_ENG_DATA(f);
	char text[300];

	if (file)
		return take_permit(td, file->shared->ns, &file->permit);
	snprintf(text, sizeof(text), "%.200s: the log adds this file after its first lines; leave "
		"read_iolog_chunked out", f->file_name);
	return refuse(td, ENODEV, text);
}

static int engine_close_file(struct thread_data *td, struct fio_file *f)
{
	struct file_state *file = FILE_ENG_DATA(f);

	if (file) {
		ngpoll_write_permit_close(file->permit);
		file->permit = NULL;
	}
	return 0;
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
	.setup = engine_setup,
	.init = engine_init,
	.post_init = engine_post_init,
	.cleanup = engine_cleanup,
	.open_file = engine_open_file,
	.close_file = engine_close_file,
	.queue = engine_queue,
	.commit = engine_commit,
	.getevents = engine_getevents,
	.event = engine_event,
	.errdetails = engine_errdetails,
	.options = engine_option_table,
	.option_struct_size = sizeof(struct engine_options),
};
