/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_QUEUE_H
#define NGPOLL_FIO_QUEUE_H

/* Open namespaces with their poll queues: of one job, or shared by jobs of this process. */
#include <fio.h>

#include <ngpoll/ngpoll.h>

struct opened_queue {
	struct opened_queue *next;
	char *name; /* that of `share_poll`; NULL: the queue is for one job */
	char *path;
	unsigned int users;
	struct ngpoll_namespace *ns;
	struct ngpoll_queue *queue;
};

/* Counts the job for each queue that it will share. A shared queue is as deep as its jobs need
 * together. Runs in fio's main process. Returns 0, or 1 after it refused the job. */
int announce_sharer(struct thread_data *td);

/* Finds or opens the poll queue that the job asks for. Runs on the job's thread. Returns 0, or 1
 * after it refused the job. The caller releases `*found` where it is not NULL, after a refusal,
 * too. */
int find_or_make_queue(struct thread_data *td, const char *path, struct opened_queue **found);
void release_queue(struct opened_queue *opened);

#endif
