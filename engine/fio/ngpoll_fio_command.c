/* SPDX-License-Identifier: MIT */
#include "ngpoll_fio_command.h"

#include <errno.h>
#include <stddef.h>

static void set_data(struct ngpoll_request *r, const void *data, unsigned long long bytes,
		     uint16_t fixed_index)
{
	r->cmd.data = (uint64_t)(uintptr_t)data;
	r->cmd.data_bytes = (uint32_t)bytes;
	r->fixed = fixed_index != NGPOLL_NOT_FIXED;
	r->fixed_index = fixed_index;
}

/* Checks each new command, also where the job's sizes were checked before it started. A replayed
 * log has its own sizes, which fio may read later. No command may reach past the buffers or write
 * to a drive in use, whatever fio did not check. */
static int check_common(const struct job_request *mine)
{
	const struct file_state *file = mine->file;
	const struct io_u *io_u = mine->io_u;

	if (io_u->xfer_buflen == 0 || io_u->offset % file->block_bytes ||
	    io_u->xfer_buflen % file->block_bytes) {
		log_err("ngpoll: offset %llu and length %llu are not whole blocks of %u bytes\n",
			io_u->offset, io_u->xfer_buflen, file->block_bytes);
		return EINVAL;
	}
	if (io_u->ddir != DDIR_READ && !file->may_write) {
		log_err("ngpoll: %s was opened by a job that only reads; it is not written\n",
			io_u->file->file_name);
		return EPERM;
	}
	return 0;
}

static int check_transfer(const struct engine_options *o, const struct job_request *mine,
			  bool zeroes)
{
	const struct file_state *file = mine->file;
	const unsigned long long bytes = mine->io_u->xfer_buflen;
	const int refused = check_common(mine);

	if (refused)
		return refused;
	if (bytes > file->transfer_max) {
		log_err("ngpoll: length %llu is more than one command moves (MDTS, or 65536 "
			"blocks), which is %llu\n", bytes, file->transfer_max);
		return EINVAL;
	}
	if (!zeroes && bytes / file->block_bytes * file->metadata_bytes > o->md_per_io_size) {
		log_err("ngpoll: %llu bytes have more metadata than the buffer for it holds; give "
			"md_per_io_size=%llu\n", bytes,
			bytes / file->block_bytes * file->metadata_bytes);
		return EINVAL;
	}
	return 0;
}

static int set_up_transfer(const struct engine_options *o, struct job_request *mine)
{
	enum { FORCE_UNIT_ACCESS = 1 << 30 };
	const struct file_state *file = mine->file;
	const struct io_u *io_u = mine->io_u;
	const struct job *job = mine->job;
	/* Not io_u->index: it is in a union with engine_data. */
	const ptrdiff_t index = mine - job->requests;
	const bool reads = io_u->ddir == DDIR_READ;
	const bool zeroes = !reads && o->write_mode == WRITE_ZEROES;
	const uint32_t blocks = (uint32_t)(io_u->xfer_buflen / file->block_bytes);
	struct ngpoll_request *r = &mine->request;
	const int refused = check_transfer(o, mine, zeroes);

	if (refused)
		return refused;
	r->cmd = (struct ngpoll_command){ .nsid = file->nsid };
	ngpoll_prepare(r, reads ? NGPOLL_OP_READ : zeroes ? NGPOLL_OP_WRITE_ZEROES : NGPOLL_OP_WRITE,
		file->nsid, io_u->offset / file->block_bytes, blocks);
	if (reads ? o->readfua : o->writefua)
		r->cmd.cdw12 |= FORCE_UNIT_ACCESS;
	if (zeroes) {
		set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
		return 0;
	}
	set_data(r, io_u->xfer_buf, io_u->xfer_buflen, file->first_fixed == NGPOLL_NOT_FIXED ?
		NGPOLL_NOT_FIXED : (uint16_t)(file->first_fixed + index));
	if (file->metadata_bytes) {
		r->cmd.metadata = (uint64_t)(uintptr_t)job->metadata +
			(uint64_t)index * o->md_per_io_size;
		r->cmd.metadata_bytes = blocks * file->metadata_bytes;
	}
	/* From here on repeat() may send the command again. */
	mine->set_up_for = io_u->ddir;
	mine->bytes = io_u->xfer_buflen;
	mine->block_shift = file->block_shift;
	mine->slba_limit = file->slba_limit;
	if (!job->one_by_one)
		mine->ddir = io_u->ddir;
	return 0;
}

/* Deallocate: Dataset Management with one range. */
static int set_up_deallocate(struct job_request *mine)
{
	const struct file_state *file = mine->file;
	const uint64_t slba = mine->io_u->offset / file->block_bytes;
	const uint64_t blocks = mine->io_u->xfer_buflen / file->block_bytes;
	struct ngpoll_request *r = &mine->request;
	const int refused = check_common(mine);
	enum { DEALLOCATE = 1 << 2 };

	if (refused)
		return refused;
	if (blocks > UINT32_MAX) {
		log_err("ngpoll: one trim is of %u blocks at most, and not of %llu\n", UINT32_MAX,
			(unsigned long long)blocks);
		return EINVAL;
	}
	mine->range[0] = 0;
	mine->range[1] = (uint32_t)blocks;
	mine->range[2] = (uint32_t)slba;
	mine->range[3] = (uint32_t)(slba >> 32);
	r->cmd = (struct ngpoll_command){
		.opcode = NGPOLL_OP_DATASET_MANAGEMENT,
		.nsid = file->nsid,
		.slba = (uint64_t)DEALLOCATE << 32, /* cdw11; cdw10 is the number of ranges, minus one */
	};
	set_data(r, mine->range, sizeof(mine->range), NGPOLL_NOT_FIXED);
	return 0;
}

static void set_up_flush(struct job_request *mine)
{
	struct ngpoll_request *r = &mine->request;

	r->cmd = (struct ngpoll_command){ .opcode = NGPOLL_OP_FLUSH, .nsid = mine->file->nsid };
	set_data(r, NULL, 0, NGPOLL_NOT_FIXED);
}

int set_up_command(const struct engine_options *o, struct job_request *mine)
{
	const enum fio_ddir ddir = mine->io_u->ddir;

	if (ddir == DDIR_READ || ddir == DDIR_WRITE)
		return set_up_transfer(o, mine);
	if (ddir == DDIR_TRIM)
		return set_up_deallocate(mine);
	if (!ddir_sync(ddir))
		return EINVAL;
	set_up_flush(mine);
	return 0;
}
