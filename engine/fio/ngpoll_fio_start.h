/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_START_H
#define NGPOLL_FIO_START_H

/* Start and end of a job: its memory, namespaces, poll queues, rings and buffers. */
#include <fio.h>

/* Allocates the job's state, before fio allocates the io_us. Returns 0, or 1 after it refused the
 * job. */
int make_job(struct thread_data *td);

/* Opens all files of the job. Returns 0, or 1 after it refused the job. */
int start_job(struct thread_data *td);

/* Closes and frees all that the two calls above made, also where they failed halfway. */
void end_job(struct thread_data *td);

#endif
