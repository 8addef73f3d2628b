// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ngpoll {

class opened_namespace;
class poll_queue;

/// Facts that a namespace and its controller report (NVM Express Base Specification 2.0, figures
/// 275 and 277: Identify Controller; NVM Command Set 1.0, figure 97: Identify Namespace).
struct namespace_info {
    std::string path; ///< the path given to open()
    bool emulated = false; ///< an `emu:` drive of this process
    std::string serial; ///< as Identify Controller has it
    std::string model; ///< likewise
    std::string firmware; ///< its revision
    std::uint32_t nsid = 0; ///< what commands name the namespace by
    std::uint64_t capacity_blocks = 0; ///< NSZE
    /// NUSE: the number of blocks that the drive keeps data of; nothing where it does not track
    /// them.
    std::optional<std::uint64_t> used_blocks;
    std::uint32_t lba_bytes = 0; ///< data size of one logical block
    std::uint32_t metadata_bytes = 0; ///< metadata size of one logical block, 0 for none
    bool metadata_interleaved = false; ///< metadata follows each block's data in the same buffer
    /// Most data that one command moves: the smaller of MDTS and the kernel's own limit; 0: no
    /// limit.
    std::uint32_t transfer_bytes_max = 0;
    /// Commands that one hardware queue holds: its tags, or fewer where an I/O scheduler or a user
    /// lowered nr_requests. 0 where the system does not say. Namespaces of one controller share the
    /// tags.
    std::uint32_t queue_depth_max = 0;
    /// The namespace's block device, nvme0n1; empty where there is none, or the system does not
    /// say.
    std::string block_device;
    /// The transport of the controller: pcie, tcp, rdma ...; empty where the system does not say.
    std::string transport;
    /// Whether the drive has poll queues; nothing where the system does not say.
    std::optional<bool> has_poll_queues;
    /// Polled poll_queues that the running kernel can handle on this drive, in all processes
    /// together; 0: any number. See poll_queue::options::force.
    std::uint32_t polled_queues_max = 0;

    /// The space of one logical block in a data buffer. The drive moves that much for each block of
    /// a command, whatever the buffer's size.
    [[nodiscard]] std::uint32_t block_bytes() const noexcept
    {
        return lba_bytes + (metadata_interleaved ? metadata_bytes : 0);
    }
};

/// An open NVMe namespace: of a drive, or an emulated one in this process.
///
/// A copy is cheap, and all copies share one descriptor. It closes when the last copy is gone and
/// the last poll queue made from it. All const members may be called from any thread. In a forked
/// child the descriptor is closed: info() still works, but a poll_queue on it is refused with
/// EINVAL.
class nvme_namespace {
public:
    /// The options of an open namespace.
    struct options {
        /// Opens the device for writing. An unprivileged user needs this for commands that write:
        /// without it the kernel refuses them. It protects no data from root: the kernel lets a
        /// process with CAP_SYS_ADMIN write on a device opened for reading.
        bool writable = false;
    };

    /// Opens `/dev/ngXnY`, or `emu:` and its settings, separated by commas, each optional:
    /// - `size=1G`: bytes, with K, M, G or T;
    /// - `lba=512`: 512 to 65536;
    /// - `queues=1024`: queue pairs at most, 1 to 1024;
    /// - `latency=0`: ns, or with us or ms. With LEAST-MOST each command has a random latency in
    ///   that range, so commands overtake each other;
    /// - `unreadable=FIRST-LAST`: LBAs whose reads end with Unrecovered Read Error.
    ///
    /// Throws std::bad_alloc, or std::system_error with a text that says what to do:
    /// - ENOENT: no such device;
    /// - ENOTTY: not an NVMe namespace;
    /// - EACCES or EPERM: no permission;
    /// - EINVAL: an `emu:` setting that does not parse;
    /// - nvme_category(): the drive refuses to identify itself.
    [[nodiscard]] static nvme_namespace open(std::string_view path, options requested);
    /// Opens it for reading only.
    [[nodiscard]] static nvme_namespace open(std::string_view path) { return open(path, {}); }

    /// The drive's own description, read when it was opened.
    [[nodiscard]] const namespace_info& info() const noexcept;

    /// Internal to the engine; not part of the interface.
    [[nodiscard]] const std::shared_ptr<opened_namespace>& opened() const noexcept
    {
        return opened_;
    }

private:
    explicit nvme_namespace(std::shared_ptr<opened_namespace> opened) noexcept;

    std::shared_ptr<opened_namespace> opened_;
};

} // namespace ngpoll
