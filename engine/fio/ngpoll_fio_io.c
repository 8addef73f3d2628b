/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "ngpoll_fio_command.h"
#include "ngpoll_fio_job.h"

/* Rare work is kept out of line: the path of each I/O then saves no registers for it. */
#define RARE __attribute__((noinline, cold))

static void set_error(const struct job_request *mine)
{
	const struct ngpoll_status status = mine->request.status;

	mine->io_u->error = status.errno_value ? status.errno_value : EIO;
}

/* fio cleared the io_u's error before it queued the io_u. */
void io_finished(struct ngpoll_request *request)
{
	const struct job_request *mine = (struct job_request *)request;
	struct job *job = mine->job;

	if (!ngpoll_ok(request->status))
		set_error(mine);
	*job->ready_end++ = mine->io_u;
}

/* Sends all staged requests. Looks for no completions. */
static int send_staged(struct job *job)
{
	struct ngpoll_request **at;
	unsigned int i;

	for (at = job->staged; at != job->staged_end; at++)
		if (!ngpoll_submit(((struct job_request *)*at)->file->ring, *at))
			return -EBUSY; /* never: a ring has room for every request of the job */
	for (i = 0; i < job->files_count; i++)
		ngpoll_flush(job->files[i].ring);
	job->committed_end = job->staged_end = job->staged;
	return 0;
}

struct io_u *engine_event(struct thread_data *td, int event)
{
	const struct job *job = td->io_ops_data;

	return job->ready[event];
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

/* Polls until `min` io_us are ready, or `t` is over. The thread cannot sleep: it would wait for one
 * ring and miss the others. */
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

/* Removes the io_us that fio was told of. */
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

/* Sends the command and waits for it. At a depth of 1 the job has nothing else to do, and fio
 * spends less on an io_u that is complete when queue() returns. A failed io_u goes the usual way,
 * on which fio asks for the details. Its error is cleared here and set again in getevents(): fio
 * would count it twice. */
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

/* Stages the request's last command again, with another block and address. Returns false where the
 * io_u needs another command than that, which has to be set up and checked. */
static inline bool repeat(struct job_request *mine, const struct io_u *io_u,
			  enum fio_ddir set_up_for)
{
	/* Rotated by the block's size, an offset of whole blocks is the block's number. Any other
	 * offset gets high bits, and so is not below the limit. */
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

static RARE enum fio_q_status set_up_and_stage(struct thread_data *td, struct job_request *mine)
{
	struct io_u *io_u = mine->io_u;

	fio_ro_check(td, io_u); /* once: a repeated command has the same direction */
	if (mine->job->one_by_one && repeat(mine, io_u, mine->set_up_for))
		return complete_now(td, mine);
	mine->f = io_u->file;
	mine->file = FILE_ENG_DATA(io_u->file);
	mine->ddir = mine->set_up_for = DDIR_INVAL;
	io_u->error = set_up_command(td->eo, mine);
	if (io_u->error)
		return FIO_Q_COMPLETED;
	stage(mine->job, mine);
	return mine->job->one_by_one ? complete_now(td, mine) : FIO_Q_QUEUED;
}

/* Sets commands up, too: fio's prep hook would cost one more call for each I/O. */
enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u)
{
	struct job_request *mine = io_u->engine_data;

	return repeat(mine, io_u, mine->ddir) ? FIO_Q_QUEUED : set_up_and_stage(td, mine);
}

static __attribute__((noinline)) int commit_staged(struct thread_data *td, struct job *job)
{
	const size_t count = (size_t)(job->staged_end - job->committed_end);

	if (job->keeps_issue_times)
		set_issue_times(td, job);
	job->committed_end = job->staged_end;
	io_u_mark_submit(td, (unsigned int)count);
	/* At the job's full depth fio looks for completions next. The commands are sent in that
	 * system call, which saves one. */
	return td->cur_depth < td->o.iodepth ? send_staged(job) : 0;
}

/* fio commits the io_us that it queued, and calls this again before it looks for completions. */
int engine_commit(struct thread_data *td)
{
	struct job *job = td->io_ops_data;

	return job->committed_end == job->staged_end ? 0 : commit_staged(td, job);
}
