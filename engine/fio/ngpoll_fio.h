/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_H
#define NGPOLL_FIO_H

/*
 * What the parts of the fio engine share. Built for one release of fio: the layout of its
 * structures changes while the version of its engine interface does not.
 */
#include <stdbool.h>
#include <stdint.h>

#include <fio.h>

#include <ngpoll/ngpoll.h>

enum write_mode { WRITE_DATA, WRITE_ZEROES };

struct engine_options {
	void *td; /* fio's; nothing of ours may be at offset 0 */
	unsigned int hipri;
	unsigned int fixedbufs;
	unsigned int registerfiles;
	int nonvectored;
	unsigned int cmd_type;
	unsigned int write_mode;
	unsigned int timeout_ms;
	unsigned int no_effect;
	char *share_poll;
};

extern struct fio_option engine_option_table[];
extern struct ioengine_ops ioengine;

/* A namespace with its poll queue: a job's own, or one that jobs share by a name. */
struct shared_queue {
	struct shared_queue *next;
	char *name; /* NULL: a job's own */
	char *path;
	unsigned int users;
	struct ngpoll_namespace *ns;
	struct ngpoll_queue *queue;
};

/* Before anything else: ends fio with a sentence if it is not the release this was built for. */
void check_release(struct thread_data *td);
/* Refuse a job, as hooks of fio do: 1, with the reason in `td` and printed. */
int refuse(struct thread_data *td, int error, const char *text);
/* The same for what a call of the engine returned. */
int refuse_failed(struct thread_data *td, int failed);

/* fio's hook, in its main process: the size, and whether the job can run at all. */
int engine_get_file_size(struct thread_data *td, struct fio_file *f);

/* The poll queue that the job asks for, on the job's thread; 0 or a negative errno. Whatever comes
 * is released. */
int find_or_make_queue(struct thread_data *td, const char *path, struct shared_queue **found);
void release_queue(struct shared_queue *shared);

#endif
