/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ngpoll_fio_check.h"
#include "ngpoll_fio_io.h"
#include "ngpoll_fio_job.h"
#include "ngpoll_fio_options.h"
#include "ngpoll_fio_queue.h"
#include "ngpoll_fio_refuse.h"

static void describe(struct file_state *file, const struct ngpoll_namespace_info *info)
{
	file->nsid = info->nsid;
	file->block_bytes = info->block_bytes;
	file->metadata_bytes = has_separate_metadata(info) ? info->metadata_bytes : 0;
	file->transfer_max = transfer_max(info);
	file->block_shift = (unsigned int)__builtin_ctz(info->block_bytes);
	/* A block that ends with its metadata has an odd size. */
	file->slba_limit = info->block_bytes & (info->block_bytes - 1) ? 0 :
		UINT64_C(1) << (64 - file->block_shift);
	file->first_fixed = NGPOLL_NOT_FIXED;
}

static int adopt_buffers(struct thread_data *td, struct file_state *file, void *first)
{
	int failed;

	/* The kernel would keep the old buffers registered, and their data would be lost. */
	if (td->o.read_iolog_file && td->o.read_iolog_chunked)
		return refuse(td, EINVAL, "fio makes its buffers anew for larger commands that it finds "
			"in a log later; leave out fixedbufs or read_iolog_chunked");
	if (td_max_bs(td) > UINT32_MAX)
		return refuse(td, EINVAL, "fixedbufs: fio makes all buffers as large as the largest bs, "
			"that of trims, too; no buffer is larger than 4 GiB");
	/* fio's buffers lie side by side. */
	failed = ngpoll_buffers_adopt(file->opened->queue, first, td->o.iodepth,
		(uint32_t)td_max_bs(td), &file->buffers);
	if (failed)
		return refuse_failed(td, failed);
	file->first_fixed = ngpoll_buffers_at(file->buffers, 0).fixed_index;
	return 0;
}

static int open_file_state(struct thread_data *td, struct file_state *file, struct fio_file *f)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_ring_options requested = ngpoll_ring_defaults();
	struct ngpoll_namespace_info info;
	void *first_buffer = td->io_u_all.io_us[0]->buf;
	int failed;

	if (find_or_make_queue(td, f->file_name, &file->opened))
		return 1;
	ngpoll_namespace_get_info(file->opened->ns, &info);
	if (check_file(td, f, file->opened->ns, &info))
		return 1;
	file->may_write = job_writes(td);
	describe(file, &info);
	requested.depth = td->o.iodepth;
	failed = ngpoll_ring_open(file->opened->queue, &requested, &file->ring);
	if (failed)
		return refuse_failed(td, failed);
	return o->fixedbufs && first_buffer ? adopt_buffers(td, file, first_buffer) : 0;
}

int make_job(struct thread_data *td)
{
	td->io_ops_data = calloc(1, sizeof(struct job) + td->o.iodepth * sizeof(struct io_u *));
	return td->io_ops_data ? 0 : refuse_no_memory(td);
}

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

static void make_requests(struct thread_data *td, struct job *job)
{
	const struct engine_options *o = td->eo;
	unsigned int i;

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
}

int start_job(struct thread_data *td)
{
	struct job *job = td->io_ops_data;
	struct fio_file *f;
	unsigned int i;

	if (td->o.nr_files == 0)
		return refuse(td, ENODEV, "the job has no file; a log that is replayed names its "
			"files in lines with 'add'");
	if (check_sharing(td) || allocate(td, job))
		return 1;
	make_requests(td, job);
	job->keeps_issue_times = fio_fill_issue_time(td);
	job->one_by_one = td->o.iodepth == 1;
	for_each_file(td, f, i) {
		FILE_SET_ENG_DATA(f, &job->files[i]);
		if (open_file_state(td, &job->files[i], f))
			return 1;
	}
	return 0;
}

void end_job(struct thread_data *td)
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
		if (file->opened)
			release_queue(file->opened);
	}
	free(job->files);
	free(job->requests);
	free(job->metadata);
	free(job->staged);
	free(job);
	td->io_ops_data = NULL;
}
