/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_FIO_OPTIONS_H
#define NGPOLL_FIO_OPTIONS_H

/* The options of the engine in a job file. Their names are those of io_uring_cmd. */
#include <fio.h>

enum write_mode { WRITE_DATA, WRITE_ZEROES };

/* fio fills this in, and passes it as `td->eo`. */
struct engine_options {
	void *td; /* fio's; fio cannot set an option at offset 0 */
	unsigned int hipri;
	unsigned int fixedbufs;
	unsigned int registerfiles;
	int nonvectored;
	unsigned int cmd_type;
	unsigned int write_mode;
	unsigned int timeout_ms;
	unsigned int md_per_io_size;
	unsigned int readfua;
	unsigned int writefua;
	unsigned int no_effect;
	char *no_effect_text;
	char *share_poll;
};

extern struct fio_option engine_option_table[];

#endif
