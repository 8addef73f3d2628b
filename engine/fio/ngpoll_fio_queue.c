/* SPDX-License-Identifier: MIT */
/* Namespaces and poll queues: of a job alone, or shared by the jobs of a process. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ngpoll_fio.h"

enum {
	SHARED_RINGS_MAX = 256, /* that may share a poll queue */
	SHARED_DEPTH_MAX = 32768, /* what a ring of the kernel's holds */
	UNCOUNTED_DEPTH = 4096, /* of a queue whose jobs cannot be counted */
};

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_are_watched = PTHREAD_ONCE_INIT;

static void leave_shared_lock(void)
{
	pthread_mutex_unlock(&shared_lock);
}

static void take_shared_lock(void);

/* fio forks a job while the threads of others may hold the lock. Not in a constructor: the engine's
 * own handler must be there before, so that at a fork its lock is taken after this one. */
static void watch_forks(void)
{
	pthread_atfork(take_shared_lock, leave_shared_lock, leave_shared_lock);
}

static void take_shared_lock(void)
{
	pthread_once(&forks_are_watched, watch_forks);
	pthread_mutex_lock(&shared_lock);
}
static struct shared_queue *shared_queues;

/* A job that shares a poll queue. The list is complete before the first job starts, and stays: jobs
 * come one by one, and a queue cannot grow. */
struct sharer {
	struct sharer *next;
	char *name;
	char *path; /* NULL: whatever a log names */
	unsigned int depth; /* 0: a trace of blktrace's may have fio choose it */
};

static struct sharer *sharers;

/* An emulated drive lives as long as the process, so that a job can verify what one before it
 * wrote. */
struct emulated_drive {
	struct emulated_drive *next;
	char *path;
	struct ngpoll_namespace *ns;
};

static struct emulated_drive *emulated_drives;

static bool is_emulated(const char *path)
{
	return strncmp(path, "emu:", 4) == 0;
}

/* With `shared_lock`. */
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

void release_queue(struct shared_queue *shared)
{
	struct shared_queue **at = &shared_queues;

	take_shared_lock();
	if (--shared->users == 0) {
		while (*at && *at != shared)
			at = &(*at)->next;
		if (*at)
			*at = shared->next;
		ngpoll_queue_close(shared->queue);
		if (shared->path && !is_emulated(shared->path))
			ngpoll_namespace_close(shared->ns);
		free(shared->name);
		free(shared->path);
		free(shared);
	}
	leave_shared_lock();
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
	take_shared_lock();
	sharer->next = sharers;
	sharers = sharer;
	leave_shared_lock();
	return 0;
}

int announce_sharer(struct thread_data *td)
{
	const struct engine_options *o = td->eo;
	struct fio_file *f;
	unsigned int i;

	/* With create_serialize=0 other jobs may be running already: this is no place to count. */
	if (!o->share_poll || !td->o.create_serialize)
		return 0;
	if (td->o.read_iolog_file)
		return add_sharer(td, NULL);
	for_each_file(td, f, i)
		if (add_sharer(td, f->file_name))
			return 1;
	return 0;
}

/* What all jobs that share it need together, and no more: the polled queues of a process share what
 * one queue of the drive holds. Jobs that never run at the same time are counted, too, so it is cut
 * to that. With `shared_lock`. */
static unsigned int shared_depth(struct thread_data *td, const struct shared_queue *shared,
				 unsigned int depth_max)
{
	const unsigned int most = depth_max ? depth_max : SHARED_DEPTH_MAX;
	const unsigned int uncounted = min(most, (unsigned int)UNCOUNTED_DEPTH);
	unsigned long long sum = 0;
	const struct sharer *sharer;

	if (!td->o.create_serialize)
		return uncounted;
	for (sharer = sharers; sharer; sharer = sharer->next) {
		if (strcmp(sharer->name, shared->name) != 0 ||
		    (sharer->path && strcmp(sharer->path, shared->path) != 0))
			continue;
		if (sharer->depth == 0)
			return uncounted;
		sum += sharer->depth;
	}
	return sum < most ? (unsigned int)sum : most;
}

static struct ngpoll_queue_options queue_options(struct thread_data *td,
						 const struct shared_queue *shared)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_queue_options requested = ngpoll_queue_defaults();
	struct ngpoll_namespace_info info;

	requested.mode = o->hipri ? NGPOLL_POLLED : NGPOLL_INTERRUPT;
	requested.registered_file = o->registerfiles;
	requested.depth = td->o.iodepth;
	if (!shared->name)
		return requested;
	ngpoll_namespace_get_info(shared->ns, &info);
	requested.mode = NGPOLL_POLLED;
	requested.rings_max = SHARED_RINGS_MAX;
	/* Not below the job's own, so that one that is too deep is refused in the engine's words. */
	requested.depth = max(td->o.iodepth, shared_depth(td, shared, info.queue_depth_max));
	return requested;
}

/* With `shared_lock`. */
static int make_queue(struct thread_data *td, const char *path, struct shared_queue **made)
{
	const struct engine_options *o = td->eo;
	struct shared_queue *shared = calloc(1, sizeof(*shared));
	struct ngpoll_queue_options requested;
	int failed;

	if (!shared)
		return refuse_no_memory(td);
	shared->users = 1;
	shared->next = shared_queues;
	shared_queues = shared;
	*made = shared;
	shared->path = strdup(path);
	shared->name = o->share_poll ? strdup(o->share_poll) : NULL;
	if (!shared->path || (o->share_poll && !shared->name))
		return refuse_no_memory(td);
	if (open_namespace(td, path, &shared->ns))
		return 1;
	requested = queue_options(td, shared);
	failed = ngpoll_queue_open(shared->ns, &requested, &shared->queue);
	return failed ? refuse_failed(td, failed) : 0;
}

int find_or_make_queue(struct thread_data *td, const char *path, struct shared_queue **found)
{
	const struct engine_options *o = td->eo;
	struct shared_queue *shared;
	int refused = 0;

	take_shared_lock();
	for (shared = o->share_poll ? shared_queues : NULL; shared; shared = shared->next)
		if (shared->queue && shared->name && strcmp(shared->name, o->share_poll) == 0 &&
		    strcmp(shared->path, path) == 0)
			break;
	if (shared)
		shared->users++;
	else
		refused = make_queue(td, path, &shared);
	*found = shared;
	leave_shared_lock();
	return refused;
}
