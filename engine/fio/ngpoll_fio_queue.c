/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ngpoll_fio_check.h"
#include "ngpoll_fio_options.h"
#include "ngpoll_fio_refuse.h"

enum {
	SHARED_RINGS_MAX = 256, /* of a shared poll queue */
	SHARED_DEPTH_MAX = 32768, /* entries that a ring of the kernel holds */
	UNCOUNTED_DEPTH = 4096, /* of a shared queue with jobs that cannot be counted */
};

/* Guards the three lists below. */
static pthread_mutex_t lists_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_are_watched = PTHREAD_ONCE_INIT;
static int watching_failed; /* an errno of pthread_atfork() */

static struct opened_queue *opened_queues;

/* A job that will share a poll queue. The list is complete before the first job starts, and stays:
 * jobs open the queue one after the other, and a queue cannot grow. */
struct sharer {
	struct sharer *next;
	char *name;
	char *path; /* NULL: any file that a log names */
	unsigned int depth; /* 0: unknown; for a trace of blktrace fio may choose the depth later */
};

static struct sharer *sharers;

/* An emulated drive lives as long as the process, so that a later job can verify the data that this
 * job wrote. */
struct emulated_drive {
	struct emulated_drive *next;
	char *path;
	struct ngpoll_namespace *ns;
};

static struct emulated_drive *emulated_drives;

static void take_lists(void)
{
	pthread_mutex_lock(&lists_lock);
}

static void leave_lists(void)
{
	pthread_mutex_unlock(&lists_lock);
}

static void register_handlers(void)
{
	watching_failed = pthread_atfork(take_lists, leave_lists, leave_lists);
}

/* Makes sure that a fork finds the lists whole: fio forks a job while threads of other jobs may
 * hold the lock. Call it before the lock is first taken. A constructor would be too early: the
 * library's own handler has to be registered first. A fork then takes this lock before the
 * library's. Returns 0, or 1 after it refused the job. */
static int watch_forks(struct thread_data *td)
{
	pthread_once(&forks_are_watched, register_handlers);
	return watching_failed ? refuse_no_memory(td) : 0;
}

static bool is_emulated(const char *path)
{
	return strncmp(path, "emu:", 4) == 0;
}

/* With the lock held. */
static int open_emulated(struct thread_data *td, const char *path, struct ngpoll_namespace **opened)
{
	struct emulated_drive *drive;
	int failed;

	for (drive = emulated_drives; drive; drive = drive->next)
		if (strcmp(drive->path, path) == 0) {
			*opened = drive->ns;
			return 0;
		}
	drive = calloc(1, sizeof(*drive));
	if (!drive)
		return refuse_no_memory(td);
	drive->path = strdup(path);
	failed = drive->path ? ngpoll_namespace_open(path, true, &drive->ns) : 0;
	if (!drive->ns) {
		free(drive->path);
		free(drive);
		return failed ? refuse_failed(td, failed) : refuse_no_memory(td);
	}
	drive->next = emulated_drives;
	emulated_drives = drive;
	*opened = drive->ns;
	return 0;
}

static int open_namespace(struct thread_data *td, const char *path,
			  struct ngpoll_namespace **opened)
{
	int failed;

	if (is_emulated(path))
		return open_emulated(td, path, opened);
	failed = ngpoll_namespace_open(path, job_writes(td), opened);
	return failed ? refuse_failed(td, failed) : 0;
}

void release_queue(struct opened_queue *opened)
{
	struct opened_queue **at = &opened_queues;

	take_lists();
	if (--opened->users == 0) {
		while (*at && *at != opened)
			at = &(*at)->next;
		if (*at)
			*at = opened->next;
		ngpoll_queue_close(opened->queue);
		if (opened->path && !is_emulated(opened->path))
			ngpoll_namespace_close(opened->ns);
		free(opened->name);
		free(opened->path);
		free(opened);
	}
	leave_lists();
}

static int add_sharer(struct thread_data *td, const char *path)
{
	const struct engine_options *o = td->eo;
	struct sharer *sharer = calloc(1, sizeof(*sharer));

	if (!sharer)
		return refuse_no_memory(td);
	sharer->name = strdup(o->share_poll);
	sharer->path = path ? strdup(path) : NULL;
	if (!sharer->name || (path && !sharer->path)) {
		free(sharer->name);
		free(sharer->path);
		free(sharer);
		return refuse_no_memory(td);
	}
	if (!td->o.read_iolog_file || td->o.iodepth > 1)
		sharer->depth = td->o.iodepth;
	take_lists();
	sharer->next = sharers;
	sharers = sharer;
	leave_lists();
	return 0;
}

int announce_sharer(struct thread_data *td)
{
	const struct engine_options *o = td->eo;
	struct fio_file *f;
	unsigned int i;

	/* With create_serialize=0 other jobs may run already, with a queue as deep as counted then. */
	if (!o->share_poll || !td->o.create_serialize)
		return 0;
	if (watch_forks(td))
		return 1;
	if (td->o.read_iolog_file)
		return add_sharer(td, NULL);
	for_each_file(td, f, i)
		if (add_sharer(td, f->file_name))
			return 1;
	return 0;
}

/* The depth that the jobs of the queue need together. It is not larger: all polled queues of a
 * process share the tags of one queue of the drive. It is cut to `depth_max`: jobs that never run
 * at the same time are counted, too. With the lock held. */
static unsigned int shared_depth(struct thread_data *td, const struct opened_queue *opened,
				 unsigned int depth_max)
{
	const unsigned int most = depth_max ? depth_max : SHARED_DEPTH_MAX;
	const unsigned int uncounted = min(most, (unsigned int)UNCOUNTED_DEPTH);
	unsigned long long sum = 0;
	const struct sharer *sharer;

	if (!td->o.create_serialize)
		return uncounted;
	for (sharer = sharers; sharer; sharer = sharer->next) {
		if (strcmp(sharer->name, opened->name) != 0 ||
		    (sharer->path && strcmp(sharer->path, opened->path) != 0))
			continue;
		if (sharer->depth == 0)
			return uncounted;
		sum += sharer->depth;
	}
	return sum < most ? (unsigned int)sum : most;
}

static struct ngpoll_queue_options queue_options(struct thread_data *td,
						 const struct opened_queue *opened)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_queue_options requested = ngpoll_queue_defaults();
	struct ngpoll_namespace_info info;

	requested.mode = o->hipri ? NGPOLL_POLLED : NGPOLL_INTERRUPT;
	requested.registered_file = o->registerfiles;
	requested.depth = td->o.iodepth;
	if (!opened->name)
		return requested;
	ngpoll_namespace_get_info(opened->ns, &info);
	requested.mode = NGPOLL_POLLED;
	requested.rings_max = SHARED_RINGS_MAX;
	/* At least the job's own depth: the library then refuses a job that is too deep. */
	requested.depth = max(td->o.iodepth, shared_depth(td, opened, info.queue_depth_max));
	return requested;
}

/* With the lock held. */
static int make_queue(struct thread_data *td, const char *path, struct opened_queue **made)
{
	const struct engine_options *o = td->eo;
	struct opened_queue *opened = calloc(1, sizeof(*opened));
	struct ngpoll_queue_options requested;
	int failed;

	if (!opened)
		return refuse_no_memory(td);
	opened->users = 1;
	opened->next = opened_queues;
	opened_queues = opened;
	*made = opened;
	opened->path = strdup(path);
	opened->name = o->share_poll ? strdup(o->share_poll) : NULL;
	if (!opened->path || (o->share_poll && !opened->name))
		return refuse_no_memory(td);
	if (open_namespace(td, path, &opened->ns))
		return 1;
	requested = queue_options(td, opened);
	failed = ngpoll_queue_open(opened->ns, &requested, &opened->queue);
	return failed ? refuse_failed(td, failed) : 0;
}

int find_or_make_queue(struct thread_data *td, const char *path, struct opened_queue **found)
{
	const struct engine_options *o = td->eo;
	struct opened_queue *opened;
	int refused = 0;

	*found = NULL;
	if (watch_forks(td))
		return 1;
	take_lists();
	for (opened = o->share_poll ? opened_queues : NULL; opened; opened = opened->next)
		if (opened->queue && opened->name && strcmp(opened->name, o->share_poll) == 0 &&
		    strcmp(opened->path, path) == 0)
			break;
	if (opened)
		opened->users++;
	else
		refused = make_queue(td, path, &opened);
	*found = opened;
	leave_lists();
	return refused;
}
