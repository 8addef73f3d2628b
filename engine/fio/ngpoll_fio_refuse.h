/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_REFUSE_H
#define NGPOLL_FIO_REFUSE_H

/* Ends a job that cannot run, as hooks of fio do. */
#include <fio.h>

/* Prints `text`, leaves the reason in `td`, and returns 1. */
int refuse(struct thread_data *td, int error, const char *text);

/* Refuses with the library's last error. `failed` is what the library's call returned. */
int refuse_failed(struct thread_data *td, int failed);

int refuse_no_memory(struct thread_data *td);

#endif
