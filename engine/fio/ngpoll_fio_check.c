/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ngpoll_fio_options.h"
#include "ngpoll_fio_refuse.h"

/* The process that all jobs of one fio have in common. As threads or as processes, the jobs may
 * write to one drive at the same time. `td->pid` is 0 in fio's main process. */
static uint32_t family(const struct thread_data *td)
{
	return (uint32_t)(td->o.use_thread || td->pid == 0 ? getpid() : getppid());
}

/* The permit is refused for a drive in use, and where the use of the drive cannot be found out.
 * fio's own check ignores character devices. */
int take_permit(struct thread_data *td, const struct ngpoll_namespace *ns,
		struct ngpoll_write_permit **taken)
{
	const struct ngpoll_write_permit_options requested = {
		.named_otherwise = true, /* filename= */
		.force_option = "allow_mounted_write=1",
		.family = family(td),
	};
	char text[560];
	int failed;

	*taken = NULL;
	if (!job_writes(td) || td->o.allow_mounted_write)
		return 0;
	failed = ngpoll_write_permit_open(ns, &requested, taken);
	if (failed != -EBUSY)
		return failed ? refuse_failed(td, failed) : 0;
	snprintf(text, sizeof(text), "%s, or give allow_mounted_write=1", ngpoll_error());
	return refuse(td, EBUSY, text);
}

unsigned long long transfer_max(const struct ngpoll_namespace_info *info)
{
	const unsigned long long most = 65536ULL * info->block_bytes;

	return info->transfer_bytes_max && info->transfer_bytes_max < most ?
		info->transfer_bytes_max : most;
}

bool job_writes(const struct thread_data *td)
{
	return !read_only && (td_write(td) || td_trim(td));
}

static int check_whole_blocks(struct thread_data *td, const struct ngpoll_namespace_info *info,
			      int ddir)
{
	const unsigned long long least = td->o.min_bs[ddir];
	const unsigned long long most = td->o.max_bs[ddir];
	char text[200];

	if (least % info->block_bytes == 0 && most % info->block_bytes == 0)
		return 0;
	snprintf(text, sizeof(text), "%s: bs %llu is no multiple of its blocks of %u bytes",
		info->path, least % info->block_bytes ? least : most, info->block_bytes);
	return refuse(td, EINVAL, text);
}

/* A replay takes its sizes from the log. fio raises `max_bs` to the sizes that it has read. Sizes
 * that fio reads later are checked with each command. */
static int check_sizes(struct thread_data *td, const struct ngpoll_namespace_info *info)
{
	char text[200];
	int ddir;

	for (ddir = 0; ddir < DDIR_RWDIR_CNT; ddir++) {
		const unsigned long long most = td->o.max_bs[ddir];

		if (!(td->o.td_ddir & (1U << ddir)))
			continue;
		if (!td->o.read_iolog_file && check_whole_blocks(td, info, ddir))
			return 1;
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
	const unsigned long long reads = td_read(td) ? td->o.max_bs[DDIR_READ] : 0;
	const unsigned long long writes = td_write(td) ? td->o.max_bs[DDIR_WRITE] : 0;
	const unsigned long long needed =
		max(reads, writes) / info->block_bytes * info->metadata_bytes;
	char text[200];

	if (!has_separate_metadata(info) || o->md_per_io_size >= needed)
		return 0;
	snprintf(text, sizeof(text), "%s has %u bytes of metadata a block, in a buffer of their own; "
		"give md_per_io_size=%llu", info->path, info->metadata_bytes, needed);
	return refuse(td, EINVAL, text);
}

int check_sharing(struct thread_data *td)
{
	const struct engine_options *o = td->eo;

	if (!o->share_poll || td->o.use_thread)
		return 0;
	return refuse(td, EINVAL, "share_poll needs thread=1: jobs in processes of their own cannot "
		"share a poll queue");
}

/* Refuses a drive in use before the job writes anything. Gives the permit back: a command that
 * exec_prerun names may need the drive. The job takes the permit again when it opens its files. */
static int check_use(struct thread_data *td, const struct ngpoll_namespace *ns)
{
	struct ngpoll_write_permit *permit;

	if (take_permit(td, ns, &permit))
		return 1;
	ngpoll_write_permit_close(permit);
	return 0;
}

int check_file(struct thread_data *td, struct fio_file *f, const struct ngpoll_namespace *ns,
	       const struct ngpoll_namespace_info *info)
{
	if (check_use(td, ns) || check_sizes(td, info) || check_metadata(td, info))
		return 1;
	f->filetype = FIO_TYPE_CHAR;
	f->real_file_size = info->capacity_blocks * info->block_bytes;
	fio_file_set_size_known(f);
	return 0;
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
	if (check_sharing(td))
		return 1;
	failed = ngpoll_namespace_open(f->file_name, false, &ns);
	if (failed)
		return refuse_failed(td, failed);
	ngpoll_namespace_get_info(ns, &info);
	failed = check_file(td, f, ns, &info);
	ngpoll_namespace_close(ns);
	return failed;
}
