/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_refuse.h"

#include <errno.h>
#include <stdio.h>

#include <ngpoll/ngpoll.h>

int refuse(struct thread_data *td, int error, const char *text)
{
	log_err("ngpoll: %s\n", text);
	td->error = error;
	snprintf(td->verror, sizeof(td->verror), "ngpoll: the job was not started");
	return 1;
}

/* fio takes ENOENT for a file that it has to make. */
int refuse_failed(struct thread_data *td, int failed)
{
	return refuse(td, failed == -ENOENT ? ENODEV : -failed, ngpoll_error());
}

int refuse_no_memory(struct thread_data *td)
{
	return refuse(td, ENOMEM, "not enough memory for what the job needs; lower iodepth or "
		"md_per_io_size");
}
