// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <liburing.h>
#include <linux/nvme_ioctl.h>

#include <ngpoll/command.hpp>

// Parts of the kernel's interface that the headers of liburing 2.3 (Debian 12) do not have. The two
// entry layouts that this engine uses have names here instead of unions.

namespace ngpoll::uapi {

constexpr unsigned kSetupNoSqArray = 1U << 16; ///< IORING_SETUP_NO_SQARRAY, Linux 6.6
constexpr unsigned kSetupHybridIopoll = 1U << 17; ///< IORING_SETUP_HYBRID_IOPOLL, Linux 6.13

/// A 128-byte submission queue entry (IORING_SETUP_SQE128) of IORING_OP_URING_CMD to an NVMe
/// namespace.
struct passthrough_sqe {
    std::uint8_t opcode = 0;
    std::uint8_t flags = 0;
    std::uint16_t ioprio = 0;
    std::int32_t fd = 0;
    std::uint32_t cmd_op = 0;
    std::uint32_t pad1 = 0;
    std::uint64_t addr = 0;
    std::uint32_t len = 0;
    std::uint32_t uring_cmd_flags = 0;
    std::uint64_t user_data = 0;
    std::uint16_t buf_index = 0;
    std::uint16_t personality = 0;
    std::uint32_t file_index = 0;
    command cmd{}; ///< struct nvme_uring_cmd, up to timeout_ms
    std::uint32_t timeout_ms = 0;
    std::uint32_t pad2 = 0;
    std::uint64_t pad3 = 0;
};

static_assert(sizeof(passthrough_sqe) == 2 * sizeof(io_uring_sqe));
static_assert(offsetof(passthrough_sqe, cmd_op) == offsetof(io_uring_sqe, off));
static_assert(offsetof(passthrough_sqe, uring_cmd_flags) == offsetof(io_uring_sqe, rw_flags));
static_assert(offsetof(passthrough_sqe, user_data) == offsetof(io_uring_sqe, user_data));
static_assert(offsetof(passthrough_sqe, buf_index) == offsetof(io_uring_sqe, buf_index));
static_assert(offsetof(passthrough_sqe, cmd) == offsetof(io_uring_sqe, addr3));
static_assert(offsetof(command, nsid) == offsetof(nvme_uring_cmd, nsid));
static_assert(offsetof(command, metadata) == offsetof(nvme_uring_cmd, metadata));
static_assert(offsetof(command, data) == offsetof(nvme_uring_cmd, addr));
static_assert(offsetof(command, data_bytes) == offsetof(nvme_uring_cmd, data_len));
static_assert(offsetof(command, slba) == offsetof(nvme_uring_cmd, cdw10));
static_assert(offsetof(command, cdw15) == offsetof(nvme_uring_cmd, cdw15));
static_assert(sizeof(command) == offsetof(nvme_uring_cmd, timeout_ms));

/// A 32-byte completion queue entry (IORING_SETUP_CQE32).
struct passthrough_cqe {
    std::uint64_t user_data;
    std::int32_t res; ///< -errno, or the NVMe status
    std::uint32_t flags;
    std::uint64_t result; ///< dwords 0 and 1 of the NVMe completion
    std::uint64_t reserved;
};

static_assert(sizeof(passthrough_cqe) == 2 * sizeof(io_uring_cqe));
static_assert(offsetof(passthrough_cqe, res) == offsetof(io_uring_cqe, res));

} // namespace ngpoll::uapi
