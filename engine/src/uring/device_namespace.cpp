// SPDX-License-Identifier: MIT
#include "device_namespace.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <endian.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libnvme.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ngpoll/hardware_queues.hpp>

#include "../error.hpp"
#include "../linux/kernel_version.hpp"
#include "io_uring_instance.hpp"
#include "uring_interrupt_rings.hpp"
#include "uring_transport.hpp"

namespace ngpoll {

namespace {

/// A fixed-width field of Identify Controller: ASCII, padded with spaces.
template <std::size_t Size>
std::string identify_text(const char (&field)[Size])
{
    std::string_view text(field, Size);
    const auto end = text.find_last_not_of(std::string_view(" \0", 2));
    return std::string(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

/// Opening anything but a character device could have side effects, so this looks first.
void check_kind(const std::string& path)
{
    struct stat found { };
    if (::stat(path.c_str(), &found) != 0) {
        const int reason = errno;
        if (reason == ENOENT)
            detail::fail(reason,
                fmt::format("{}: there is no such device; `ls /dev/ng*` lists the devices; "
                            "without a drive use emu:",
                    path));
        detail::fail(reason, fmt::format("{} cannot be examined", path));
    }
    if (S_ISCHR(found.st_mode))
        return;
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (S_ISBLK(found.st_mode) && name.starts_with("nvme"))
        detail::fail(ENOTTY,
            fmt::format("{} is a block device; passthrough goes through the character device "
                        "beside it, /dev/ng{}",
                path, name.substr(4)));
    detail::fail(ENOTTY,
        fmt::format("{} is {}; give an NVMe passthrough device, /dev/ngXnY, or emu:", path,
            S_ISBLK(found.st_mode)       ? "a block device of another kind"
                : S_ISREG(found.st_mode) ? "a regular file"
                : S_ISDIR(found.st_mode) ? "a directory"
                                         : "not a device"));
}

[[noreturn]] void fail_identifying(const std::string& path, const char* what, int result)
{
    if (result > 0)
        throw std::system_error(
            result, nvme_category(), fmt::format("{}: the drive refused {}", path, what));
    if (errno == EACCES || errno == EPERM)
        detail::fail(errno,
            fmt::format("{}: no permission for {}; run as root (unprivileged use needs Linux 6.2)",
                path, what));
    detail::fail(errno, fmt::format("{}: {} failed; is this an NVMe namespace?", path, what));
}

/// Up to 6.4 the kernel polls a passthrough command through its bio (changed by 9408d8a37e6c in
/// 6.5). Another ring's polling may just have completed the command and freed the bio. If another
/// thread found the completion, the word that names the bio holds the task work that it waits for.
/// A command without data has no bio.
bool polls_by_bio() { return kernel_version() <= 604; }

/// Whether the kernel handles requests badly that a process leaves in flight when it ends. 6.1
/// oopses. On 6.12 a kernel worker spins on the ring that it cannot take down. 7.2 cleans up.
/// Versions between 6.12 and 7.2 were not tried.
bool leaves_polled_commands() { return kernel_version() < 702; }

/// Why the running kernel may crash when two rings poll the drive; empty where it does not. With an
/// I/O scheduler a request is not completed in a batch, and loses its hardware queue while the
/// other ring polls it. The result is a null pointer in nvme_poll, on 6.12 and 7.3 alike.
std::string one_ring_only(const drive_limits& limits)
{
    if (polls_by_bio())
        return "Linux up to 6.4 may crash when two do; share one poll queue between the threads, "
               "use a newer kernel";
    if (!limits.scheduler.empty())
        return fmt::format("Linux may crash when two do and the drive has an I/O scheduler, {}; "
                           "share one poll queue between the threads, set the scheduler to none",
            limits.scheduler);
    return {};
}

/// Takes an advisory lock on the drive, which each polled queue keeps, in this and in other
/// processes. The lock is shared, or exclusive where only one ring may poll. `why` says why only
/// one may; empty otherwise. Throws EBUSY if an exclusive lock cannot be had.
file_descriptor lock_drive(const namespace_info& device, const std::string& why)
{
    const std::string drive = "/sys/block/" + device.block_device + "/device";
    auto lock = file_descriptor::opened_by(
        [&] { return ::open(drive.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (lock.get() < 0)
        return lock;
    const int got = ::flock(lock.get(), (why.empty() ? LOCK_SH : LOCK_EX) | LOCK_NB);
    if (got != 0 && errno == EWOULDBLOCK && !why.empty())
        detail::fail(EBUSY,
            fmt::format(
                "{}: another ring polls this drive, and {}, or force it", device.path, why));
    return lock;
}

} // namespace

device_namespace::device_namespace(std::string_view path, nvme_namespace::options requested)
    : process_(detail::process_generation)
{
    info_.path = std::string(path);
    check_kind(info_.path);
    fd_ = file_descriptor::opened_by([&] {
        const int fd
            = ::open(info_.path.c_str(), (requested.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    });
    if (fd_.get() < 0) {
        const int reason = -fd_.get();
        if (reason == EACCES || reason == EPERM)
            detail::fail(reason,
                fmt::format("{}: no permission to open it; run as root, or have its group and mode "
                            "changed",
                    info_.path));
        detail::fail(reason, fmt::format("{} cannot be opened", info_.path));
    }
    struct stat opened { };
    if (::fstat(fd_.get(), &opened) == 0)
        device_number_ = opened.st_rdev;
    identify();
    read_limits();
}

void device_namespace::identify()
{
    if (nvme_get_nsid(fd_.get(), &info_.nsid) != 0)
        detail::fail(ENOTTY,
            fmt::format(
                "{} is not an NVMe namespace; give a passthrough device, /dev/ngXnY", info_.path));
    nvme_id_ctrl controller{};
    if (const int failed = nvme_identify_ctrl(fd_.get(), &controller); failed != 0)
        fail_identifying(info_.path, "Identify Controller", failed);
    nvme_id_ns space{};
    if (const int failed = nvme_identify_ns(fd_.get(), info_.nsid, &space); failed != 0)
        fail_identifying(info_.path, "Identify Namespace", failed);

    info_.serial = identify_text(controller.sn);
    info_.model = identify_text(controller.mn);
    info_.firmware = identify_text(controller.fr);
    info_.capacity_blocks = le64toh(space.nsze);
    // Without thin provisioning (bit 0 of NSFEAT) NUSE may have any value, but many drives set it
    // all the same. A value equal to the whole size says nothing.
    if (const std::uint64_t used = le64toh(space.nuse); used < info_.capacity_blocks)
        info_.used_blocks = used;
    // FLBAS: bits 3:0 and, with more than 16 formats, 6:5 are the format's index; bit 4 tells
    // whether metadata is interleaved.
    const unsigned format = (space.flbas & 0xfU) | ((space.flbas & 0x60U) >> 1U);
    info_.lba_bytes = 1U << space.lbaf[format].ds;
    info_.metadata_bytes = le16toh(space.lbaf[format].ms);
    info_.metadata_interleaved = (space.flbas & 0x10U) != 0 && info_.metadata_bytes != 0;
    // MDTS counts in the controller's smallest page, which user space cannot read. 4 KiB is the
    // least that the specification allows, so the limit is never too high.
    if (controller.mdts != 0 && controller.mdts < 20)
        info_.transfer_bytes_max = 4096U << controller.mdts;
}

void device_namespace::read_limits()
{
    info_.block_device = block_name(info_.path);
    const drive_limits limits = fresh_limits();
    info_.polled_queues_max = one_ring_only(limits).empty() ? 0 : 1;
    if (info_.block_device.empty())
        return;
    info_.transport = limits.transport;
    info_.queue_depth_max = limits.tags;
    const std::string queue = "/sys/block/" + info_.block_device + "/queue/";
    if (const auto kib = read_value<std::uint32_t>(queue + "max_hw_sectors_kb"); kib && *kib != 0) {
        const std::uint32_t bytes = std::min(*kib, 1U << 21U) * 1024;
        const std::uint32_t mdts = info_.transfer_bytes_max;
        info_.transfer_bytes_max = mdts == 0 ? bytes : std::min(mdts, bytes);
    }
    // 6.1 refuses commands on a registered buffer of more pages than this, whatever they read.
    if (const auto segments = read_value<std::uint32_t>(queue + "max_segments"); segments)
        info_.transfer_bytes_max
            = std::min(info_.transfer_bytes_max == 0 ? UINT32_MAX : info_.transfer_bytes_max,
                std::min(*segments, 1U << 19U) * 4096);
    if (const auto polls = read_value<int>(queue + "io_poll"))
        info_.has_poll_queues = *polls != 0;
}

/// Until 7.0 the completion of a polled passthrough command is task work of the task that sent it.
bool device_namespace::needs_resident() const noexcept { return kernel_version() < 700; }

drive_limits device_namespace::fresh_limits() const
{
    return info_.block_device.empty() ? drive_limits{} : read_drive_limits(info_.block_device);
}

poll_queue_options device_namespace::possible(const poll_queue_options& requested,
    const drive_limits& limits, poll_queue_report& report) const
{
    poll_queue_options can = requested;
    if (requested.mode == poll_mode::interrupt)
        return can;
    if (!info_.has_poll_queues.value_or(true)) {
        can.mode = poll_mode::interrupt;
        report.declined.emplace_back("IOPOLL: the drive has no poll queues");
    } else if (!limits.transport.empty() && limits.transport != "pcie") {
        const std::string risk
            = fmt::format("IOPOLL: the drive's transport is {}, not pcie; Linux crashes when it "
                          "polls passthrough over TCP",
                limits.transport);
        if (requested.force) {
            report.forced.push_back(risk);
        } else {
            can.mode = poll_mode::interrupt;
            report.declined.push_back(risk + ", so this needs to be forced");
        }
    }
    return can;
}

tag_budget device_namespace::take_tags(
    const poll_queue_options& requested, const drive_limits& limits) const
{
    // Without a known number of tags nothing can be counted.
    if (limits.tags == 0)
        return {};
    if (requested.depth > limits.tags)
        detail::refuse(fmt::format("depth {} is above what one queue of {} holds; give {} or less",
            requested.depth, info_.path, limits.tags));
    return tag_budget({.path = info_.path,
        .controller = limits.controller,
        .block = info_.block_device,
        .tags = limits.tags,
        .hardware_queue = requested.hardware_queue,
        .depth = requested.depth,
        .default_depth = kDepthDefault});
}

std::vector<std::uint32_t> device_namespace::processors_of(std::uint32_t hardware_queue) const
{
    const hardware_queue_map map = read_hardware_queues(info_.path);
    if (!map.unknown.empty())
        detail::refuse(fmt::format("{}: the processors of hardware_queue {} are not known: {}",
            info_.path, hardware_queue, map.unknown));
    for (const hardware_poll_queue& queue : map.poll_queues)
        if (queue.index == hardware_queue)
            return queue.cpus;
    detail::refuse(fmt::format("{}: hardware_queue {} is no poll queue of the drive; "
                               "read_hardware_queues() lists them",
        info_.path, hardware_queue));
}

opened_namespace::opened_queue device_namespace::open_queue(const poll_queue_options& requested)
{
    // The fork closed the descriptor, and its number may be another drive's by now.
    if (detail::is_inherited(process_))
        detail::refuse(fmt::format(
            "{}: the namespace belongs to the parent process; open it anew in the forked child",
            info_.path));
    poll_queue_report report;
    // Read anew: a scheduler or a user may have changed them since the namespace was opened.
    const drive_limits limits = fresh_limits();
    poll_queue_options can = possible(requested, limits, report);
    if (can.mode != poll_mode::interrupt)
        return {.polled = open_polled(requested, can, limits, std::move(report)),
            .by_interrupt = nullptr};
    if (can.depth == 0)
        can.depth = kDepthDefault;
    return {.polled = nullptr,
        .by_interrupt = std::make_unique<uring_interrupt_rings>(fd_.get(), can, std::move(report))};
}

std::unique_ptr<transport> device_namespace::open_polled(const poll_queue_options& requested,
    poll_queue_options can, const drive_limits& limits, poll_queue_report report) const
{
    uring_transport::options options{.registered_file = requested.registered_file,
        .fd = fd_.get(),
        .needs_data = polls_by_bio()};
    if (requested.hardware_queue) {
        options.hardware_queue = *requested.hardware_queue;
        options.processors = processors_of(*requested.hardware_queue);
    }
    uring_transport::holdings holdings;
    std::string why = one_ring_only(limits);
    if (requested.force && !why.empty())
        report.forced.push_back("another ring may poll this drive, and " + std::exchange(why, {}));
    holdings.drive_lock = lock_drive(info_, why);
    if (holdings.drive_lock.get() < 0 && !why.empty())
        report.declined.emplace_back("drive lock: sysfs does not show the drive, so another "
                                     "polled queue on it would not be noticed");
    holdings.tags = take_tags(can, limits);
    if (can.depth == 0)
        can.depth = holdings.tags.depth();
    if (can.depth == 0)
        can.depth = kDepthDefault;
    report.depth = can.depth;
    report.must_drain = leaves_polled_commands();
    auto kernel = std::make_unique<io_uring_instance>(fd_.get(), can, report);
    return std::make_unique<uring_transport>(
        std::move(kernel), std::move(report), std::move(options), std::move(holdings));
}

} // namespace ngpoll
