/* SPDX-License-Identifier: MIT */
/* Namespaces and poll queues: of a job alone, or shared by the jobs of a process. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ngpoll_fio.h"

/* Rings that may share a poll queue: jobs come one by one, and do not say how many they are. */
enum { SHARED_RINGS_MAX = 256, SHARED_DEPTH_MAX = 4096 };

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_queue *shared_queues;

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

	pthread_mutex_lock(&shared_lock);
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
	pthread_mutex_unlock(&shared_lock);
}

static struct ngpoll_queue_options queue_options(struct thread_data *td,
						 const struct shared_queue *shared)
{
	const struct engine_options *o = td->eo;
	struct ngpoll_queue_options how = ngpoll_queue_defaults();
	struct ngpoll_namespace_info info;

	how.mode = o->hipri ? NGPOLL_POLLED : NGPOLL_INTERRUPT;
	how.registered_file = o->registerfiles;
	how.depth = td->o.iodepth;
	if (!shared->name)
		return how;
	ngpoll_namespace_get_info(shared->ns, &info);
	how.mode = NGPOLL_POLLED;
	how.rings_max = SHARED_RINGS_MAX;
	how.depth = info.queue_depth_max && info.queue_depth_max < SHARED_DEPTH_MAX ?
		info.queue_depth_max : SHARED_DEPTH_MAX;
	return how;
}

/* With `shared_lock`. */
static int make_queue(struct thread_data *td, const char *path, struct shared_queue **made)
{
	const struct engine_options *o = td->eo;
	struct shared_queue *shared = calloc(1, sizeof(*shared));
	struct ngpoll_queue_options how;
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
	how = queue_options(td, shared);
	failed = ngpoll_queue_open(shared->ns, &how, &shared->queue);
	return failed ? refuse_failed(td, failed) : 0;
}

int find_or_make_queue(struct thread_data *td, const char *path, struct shared_queue **found)
{
	const struct engine_options *o = td->eo;
	struct shared_queue *shared;
	int refused = 0;

	pthread_mutex_lock(&shared_lock);
	for (shared = o->share_poll ? shared_queues : NULL; shared; shared = shared->next)
		if (shared->queue && shared->name && strcmp(shared->name, o->share_poll) == 0 &&
		    strcmp(shared->path, path) == 0)
			break;
	if (shared)
		shared->users++;
	else
		refused = make_queue(td, path, &shared);
	*found = shared;
	pthread_mutex_unlock(&shared_lock);
	return refused;
}
