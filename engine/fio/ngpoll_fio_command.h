/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_COMMAND_H
#define NGPOLL_FIO_COMMAND_H

/* Makes the NVMe command of an io_u. */
#include "ngpoll_fio_job.h"
#include "ngpoll_fio_options.h"

/* Sets up the command of `mine->io_u`, on the file that `mine` names. Returns 0, or the errno of an
 * io_u that may not be sent, after it printed why. */
int set_up_command(const struct engine_options *o, struct job_request *mine);

#endif
