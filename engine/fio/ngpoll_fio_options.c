/* SPDX-License-Identifier: MIT */
/*
 * What a job may ask of the engine, and what is checked before it runs. set_file_size() runs in
 * fio's main process, before jobs are forked, and leaves nothing open there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ngpoll_fio.h"

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
	  .help = "What is sent",
	  .posval = { { .ival = "nvme", .oval = CMD_NVME, .help = "NVMe commands" } },
	  ENGINE_OPTION },
	{ .name = "write_mode", .lname = "Write mode", .type = FIO_OPT_STR,
	  .off1 = offsetof(struct engine_options, write_mode), .def = "write",
	  .help = "What writes are",
	  .posval = { { .ival = "write", .oval = WRITE_DATA, .help = "Writes of data" },
		      { .ival = "zeroes", .oval = WRITE_ZEROES, .help = "Write Zeroes commands" } },
	  ENGINE_OPTION },
	{ .name = "timeout_ms", .lname = "Timeout", .type = FIO_OPT_INT,
	  .off1 = offsetof(struct engine_options, timeout_ms), .def = "0",
	  .help = "Milliseconds after which the driver gives a command up; 0: its own time, 30 s",
	  ENGINE_OPTION },
	{ .name = "share_poll", .lname = "Shared poll queue", .type = FIO_OPT_STR_STORE,
	  .off1 = offsetof(struct engine_options, share_poll),
	  .help = "Jobs with the same name here share a poll queue; needs thread=1",
	  ENGINE_OPTION },
	{ .name = "md_per_io_size", .lname = "Metadata per I/O", .type = FIO_OPT_INT,
	  .off1 = offsetof(struct engine_options, md_per_io_size), .def = "0",
	  .help = "Bytes of metadata for each I/O, where it has a buffer of its own",
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

int refuse(struct thread_data *td, int error, const char *text)
{
	log_err("ngpoll: %s\n", text);
	td->error = error;
	snprintf(td->verror, sizeof(td->verror), "ngpoll: the job was not started");
	return 1;
}

/* Of the library's last error. ENOENT fio would take for a file that it is to make. */
int refuse_failed(struct thread_data *td, int failed)
{
	return refuse(td, failed == -ENOENT ? ENODEV : -failed, ngpoll_error());
}

/* A namespace that is mounted, or held by another device, in whole or a partition: the kernel does
 * not let its block device be opened exclusively. fio's own check knows no character devices. */
static bool is_in_use(const char *path)
{
	char block_device[64];
	int fd;

	if (strncmp(path, "/dev/ng", 7) != 0)
		return false;
	snprintf(block_device, sizeof(block_device), "/dev/nvme%s", path + 7);
	fd = open(block_device, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

static unsigned long long transfer_max(const struct ngpoll_namespace_info *info)
{
	const unsigned long long most = 65536ULL * info->block_bytes;

	return info->transfer_bytes_max && info->transfer_bytes_max < most ?
		info->transfer_bytes_max : most;
}

static int check_sizes(struct thread_data *td, const struct ngpoll_namespace_info *info)
{
	char text[200];
	int ddir;

	for (ddir = 0; ddir < DDIR_RWDIR_CNT; ddir++) {
		const unsigned long long least = td->o.min_bs[ddir];
		const unsigned long long most = td->o.max_bs[ddir];

		if (!(td->o.td_ddir & (1U << ddir)))
			continue;
		if (least % info->block_bytes || most % info->block_bytes) {
			snprintf(text, sizeof(text), "%s: bs %llu is no multiple of its blocks of "
				"%u bytes", info->path, least % info->block_bytes ? least : most,
				info->block_bytes);
			return refuse(td, EINVAL, text);
		}
		if (ddir != DDIR_TRIM && most > transfer_max(info)) {
			snprintf(text, sizeof(text), "%s: bs %llu is more than one command moves "
				"(MDTS, or 65536 blocks); give %llu or less", info->path, most,
				transfer_max(info));
			return refuse(td, EINVAL, text);
		}
	}
	return 0;
}

static int check_metadata(struct thread_data *td, const struct ngpoll_namespace_info *info)
{
	const struct engine_options *o = td->eo;
	const unsigned long long needed =
		td_max_bs(td) / info->block_bytes * info->metadata_bytes;
	char text[200];

	if (!has_separate_metadata(info) || o->md_per_io_size >= needed)
		return 0;
	snprintf(text, sizeof(text), "%s has %u bytes of metadata a block, in a buffer of their own; "
		"give md_per_io_size=%llu", info->path, info->metadata_bytes, needed);
	return refuse(td, EINVAL, text);
}

static int check_job(struct thread_data *td, const struct ngpoll_namespace_info *info)
{
	const struct engine_options *o = td->eo;
	char text[300];

	if (o->share_poll && !td->o.use_thread)
		return refuse(td, EINVAL, "share_poll needs thread=1: jobs in processes of their own "
			"cannot share a poll queue");
	if ((td_write(td) || td_trim(td)) && !td->o.allow_mounted_write &&
	    is_in_use(info->path)) {
		snprintf(text, sizeof(text), "%s is mounted or held by another device; unmount it, or "
			"give allow_mounted_write=1", info->path);
		return refuse(td, EBUSY, text);
	}
	return check_sizes(td, info) || check_metadata(td, info);
}

int set_file_size(struct thread_data *td, struct fio_file *f)
{
	struct ngpoll_namespace_info info;
	struct ngpoll_namespace *ns;
	int failed;

	if (fio_file_size_known(f))
		return 0;
	if (strcmp(f->file_name, "emu") == 0)
		return refuse(td, EINVAL, "fio splits file names at colons; write "
			"filename=emu\\:size=1G");
	failed = ngpoll_namespace_open(f->file_name, false, &ns);
	if (failed)
		return refuse_failed(td, failed);
	ngpoll_namespace_get_info(ns, &info);
	failed = check_job(td, &info);
	if (!failed) {
		f->filetype = FIO_TYPE_CHAR;
		f->real_file_size = info.capacity_blocks * info.block_bytes;
		fio_file_set_size_known(f);
	}
	ngpoll_namespace_close(ns);
	return failed;
}
