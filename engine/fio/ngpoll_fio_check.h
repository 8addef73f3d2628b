/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_CHECK_H
#define NGPOLL_FIO_CHECK_H

/*
 * The checks before a job runs. set_file_size() runs in fio's main process and leaves nothing open.
 * The job calls check_file() once more when it opens the file. For the files of a replayed log this
 * second check is the only one: fio does not size them.
 *
 * A function that returns int returns 0, or 1 after it refused the job.
 */
#include <stdbool.h>

#include <fio.h>

#include <ngpoll/ngpoll.h>

/* Whether metadata has a buffer of its own, and does not follow each block in the data buffer. */
static inline bool has_separate_metadata(const struct ngpoll_namespace_info *info)
{
	return info->metadata_bytes != 0 && info->block_bytes == info->lba_bytes;
}

/* The largest number of bytes that one command moves. */
unsigned long long transfer_max(const struct ngpoll_namespace_info *info);

/* Whether fio lets the job send writes or trims. Right only after fio has read the log that the job
 * replays. */
bool job_writes(const struct thread_data *td);

/* Whether the job may share a poll queue, where it asks for one. */
int check_sharing(struct thread_data *td);

/* Whether the job may run on that namespace. Sets the file's size. */
int check_file(struct thread_data *td, struct fio_file *f, const struct ngpoll_namespace *ns,
	       const struct ngpoll_namespace_info *info);

/* Opens the namespace, checks it, sets the file's size, and closes the namespace. */
int set_file_size(struct thread_data *td, struct fio_file *f);

/* Takes the permit to write to the namespace. `*taken` is NULL where the job needs none. */
int take_permit(struct thread_data *td, const struct ngpoll_namespace *ns,
		struct ngpoll_write_permit **taken);

#endif
