/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_IO_H
#define NGPOLL_FIO_IO_H

/*
 * fio's hooks for I/O, and the callback of each request. The hooks live beside what they call, so
 * that the compiler can inline it: an extra call for each I/O costs IOPS.
 */
#include <fio.h>

#include <ngpoll/ngpoll.h>

struct io_u *engine_event(struct thread_data *td, int event);
int engine_getevents(struct thread_data *td, unsigned int min, unsigned int max,
		     const struct timespec *t);
int engine_commit(struct thread_data *td);
enum fio_q_status engine_queue(struct thread_data *td, struct io_u *io_u);

void io_finished(struct ngpoll_request *request);

#endif
