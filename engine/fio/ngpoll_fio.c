/* SPDX-License-Identifier: MIT */
/*
 * ngpoll as an external engine of fio, over the C interface of the engine: the hooks of a job from
 * its start to its end. init() and post_init() run on the job's own thread, which opens the
 * namespaces, their poll queues and one ring for each file. Every completion comes back on it.
 *
 * The engine is built for one release of fio: the layout of fio's structures changes while the
 * version of its engine interface does not.
 *
 * The files of this folder, in order. A file uses only those before it:
 *   refuse    ends a job that cannot run
 *   options   the options of the engine
 *   check     the checks before a job runs
 *   queue     namespaces with their poll queues, shared by jobs or not
 *   job       the state of a job (a header alone)
 *   command   makes the NVMe command of an io_u
 *   io        the hooks for I/O
 *   start     starts a job and ends it
 *   ngpoll_fio.c   all other hooks, and the table of hooks, in the order of fio's
 *                  engines/skeleton_external.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ngpoll_fio_check.h"
#include "ngpoll_fio_io.h"
#include "ngpoll_fio_job.h"
#include "ngpoll_fio_options.h"
#include "ngpoll_fio_queue.h"
#include "ngpoll_fio_refuse.h"
#include "ngpoll_fio_start.h"

extern struct ioengine_ops ioengine;

/* A hook that fio may call first calls this first. Another release of fio lays `td` out
 * differently: nothing may read or write `td` before. Where the release is wrong the hook fails,
 * and fio ends. exit() from here would take fio's memory away from its other threads. */
static bool is_right_release(const struct thread_data *td)
{
	if (strcmp(fio_version_string, NGPOLL_FIO_VERSION) != 0) {
		log_err("ngpoll: this engine was built for %s and this is %s; build it for this one "
			"(-DNGPOLL_FIO_SOURCE=DIR)\n", NGPOLL_FIO_VERSION, fio_version_string);
		return false;
	}
	if (td->io_ops != &ioengine) {
		log_err("ngpoll: fio's structures differ from those in the source this engine was "
			"built with; build it with the config-host.h of this fio\n");
		return false;
	}
	return true;
}

/* fio calls this hook first, once for each job, and for all jobs before the first one starts. With
 * create_serialize=0 it runs on the job's own thread. An engine that has this hook sizes the job's
 * files in it. The files of a log are not known yet. */
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
	return is_right_release(td) ? make_job(td) : 1;
}

static int engine_post_init(struct thread_data *td)
{
	return start_job(td);
}

static void engine_cleanup(struct thread_data *td)
{
	if (td->io_ops_data)
		end_job(td);
}

/* Rings and queues stay open as long as the job. Only the permit to write follows fio's own open
 * and close. A file without a state comes from a part of a log that fio read after the start. It is
 * refused: requests point into the array of file states, so the array cannot grow. */
static int engine_open_file(struct thread_data *td, struct fio_file *f)
{
	struct file_state *file = FILE_ENG_DATA(f);
	char text[300];

	if (file)
		return take_permit(td, file->opened->ns, &file->permit);
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

/* fio frees the text. Without memory for it the text is printed here. */
static char *details(const struct io_u *io_u)
{
	const struct job_request *mine = io_u->engine_data;
	char text[300], *copy;
	int length;

	length = snprintf(text, sizeof(text), "ngpoll: %s at offset %llu: ",
		io_ddir_name(io_u->ddir), io_u->offset);
	ngpoll_status_text(mine->request.status, text + length, sizeof(text) - (size_t)length);
	copy = strdup(text);
	if (!copy)
		log_err("%s\n", text);
	return copy;
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
	.queue = engine_queue,
	.commit = engine_commit,
	.getevents = engine_getevents,
	.event = engine_event,
	.cleanup = engine_cleanup,
	.open_file = engine_open_file,
	.close_file = engine_close_file,
	.errdetails = engine_errdetails,
	.options = engine_option_table,
	.option_struct_size = sizeof(struct engine_options),
};
