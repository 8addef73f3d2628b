/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_options.h"

#include <stddef.h>

#include <optgroup.h>

enum cmd_type { CMD_NVME };

#define ENGINE_OPTION .category = FIO_OPT_C_ENGINE, .group = FIO_OPT_G_INVALID
#define TAKEN_FOR_JOB_FILES(option_name, option_type, place) \
	{ .name = option_name, .lname = option_name, .type = option_type, \
	  .off1 = offsetof(struct engine_options, place), \
	  .help = "No effect; taken because io_uring_cmd takes it", ENGINE_OPTION }

struct fio_option engine_option_table[] = {
	{ .name = "hipri", .lname = "Poll", .type = FIO_OPT_STR_SET,
	  .off1 = offsetof(struct engine_options, hipri),
	  .help = "Find completions by polling; without it the drive interrupts", ENGINE_OPTION },
	{ .name = "fixedbufs", .lname = "Registered buffers", .type = FIO_OPT_STR_SET,
	  .off1 = offsetof(struct engine_options, fixedbufs),
	  .help = "Register the I/O buffers with the kernel", ENGINE_OPTION },
	{ .name = "registerfiles", .lname = "Registered files", .type = FIO_OPT_STR_SET,
	  .off1 = offsetof(struct engine_options, registerfiles),
	  .help = "Register the namespace's descriptor with the kernel", ENGINE_OPTION },
	{ .name = "nonvectored", .lname = "Non-vectored", .type = FIO_OPT_INT,
	  .off1 = offsetof(struct engine_options, nonvectored), .def = "-1",
	  .help = "Commands have one buffer each, and so are never vectored: no effect",
	  ENGINE_OPTION },
	{ .name = "cmd_type", .lname = "Command type", .type = FIO_OPT_STR,
	  .off1 = offsetof(struct engine_options, cmd_type), .def = "nvme",
	  .help = "Kind of the commands",
	  .posval = { { .ival = "nvme", .oval = CMD_NVME, .help = "NVMe commands" } },
	  ENGINE_OPTION },
	{ .name = "write_mode", .lname = "Write mode", .type = FIO_OPT_STR,
	  .off1 = offsetof(struct engine_options, write_mode), .def = "write",
	  .help = "Command that a write sends",
	  .posval = { { .ival = "write", .oval = WRITE_DATA, .help = "Writes of data" },
		      { .ival = "zeroes", .oval = WRITE_ZEROES, .help = "Write Zeroes commands" } },
	  ENGINE_OPTION },
	{ .name = "timeout_ms", .lname = "Timeout", .type = FIO_OPT_INT,
	  .off1 = offsetof(struct engine_options, timeout_ms), .def = "0",
	  .help = "Milliseconds after which the driver gives up a command; 0: its own time, 30 s",
	  ENGINE_OPTION },
	{ .name = "share_poll", .lname = "Shared poll queue", .type = FIO_OPT_STR_STORE,
	  .off1 = offsetof(struct engine_options, share_poll),
	  .help = "Jobs with the same name here share a poll queue; needs thread=1",
	  ENGINE_OPTION },
	{ .name = "md_per_io_size", .lname = "Metadata per I/O", .type = FIO_OPT_INT,
	  .off1 = offsetof(struct engine_options, md_per_io_size), .def = "0",
	  .help = "Bytes of metadata for each I/O, where metadata has a buffer of its own",
	  ENGINE_OPTION },
	{ .name = "readfua", .lname = "Read FUA", .type = FIO_OPT_BOOL,
	  .off1 = offsetof(struct engine_options, readfua), .def = "0",
	  .help = "Reads come from the medium (Force Unit Access)", ENGINE_OPTION },
	{ .name = "writefua", .lname = "Write FUA", .type = FIO_OPT_BOOL,
	  .off1 = offsetof(struct engine_options, writefua), .def = "0",
	  .help = "Writes are on the medium when they complete (Force Unit Access)",
	  ENGINE_OPTION },
	TAKEN_FOR_JOB_FILES("nowait", FIO_OPT_BOOL, no_effect),
	TAKEN_FOR_JOB_FILES("uncached", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("force_async", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("sqthread_poll", FIO_OPT_STR_SET, no_effect),
	TAKEN_FOR_JOB_FILES("sqthread_poll_cpu", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("cmdprio_percentage", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("cmdprio_class", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("cmdprio", FIO_OPT_INT, no_effect),
	TAKEN_FOR_JOB_FILES("cmdprio_bssplit", FIO_OPT_STR_STORE, no_effect_text),
	{ .name = NULL },
};
