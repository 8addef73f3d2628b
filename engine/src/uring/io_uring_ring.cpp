// SPDX-License-Identifier: MIT
#include "io_uring_ring.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../error.hpp"

namespace ngpoll {

namespace {

/// IORING_MAX_REG_BUFFERS: more than this a table of registered buffers cannot hold.
constexpr std::uint32_t kFixedBuffersMax = 1U << 14;

struct named_flag {
    unsigned value;
    const char* name;
};

/// What every ring has; without them there is no passthrough.
constexpr std::array kRequired{
    named_flag{IORING_SETUP_SQE128, "SQE128"},
    named_flag{IORING_SETUP_CQE32, "CQE32"},
    named_flag{IORING_SETUP_CQSIZE, "CQSIZE"},
};

/// What is given up, in this order, when the kernel refuses: newest first.
constexpr std::array kOptional{
    named_flag{uapi::kSetupHybridIopoll, "HYBRID_IOPOLL"}, // 6.13
    named_flag{uapi::kSetupNoSqArray, "NO_SQARRAY"}, // 6.6
    named_flag{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"}, // 6.0
    named_flag{IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"}, // 5.19
    named_flag{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"}, // 5.18
};

/// liburing 2.3 accepts the flag and writes its index array over the ring's heads.
#if defined(IO_URING_VERSION_MAJOR) && (IO_URING_VERSION_MAJOR > 2 || IO_URING_VERSION_MINOR >= 5)
constexpr bool kLibraryKnowsNoSqArray = true;
#else
constexpr bool kLibraryKnowsNoSqArray = false;
#endif

unsigned wanted_flags(const poll_queue::options& how)
{
    unsigned flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    for (const named_flag& flag : kRequired)
        flags |= flag.value;
    if (how.mode != poll_mode::interrupt)
        flags |= IORING_SETUP_IOPOLL;
    if (how.mode == poll_mode::hybrid)
        flags |= uapi::kSetupHybridIopoll;
    // One thread for good: set up disabled, and bound to the thread that attaches first.
    if (how.rings_max == 1)
        flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED;
    if (kLibraryKnowsNoSqArray)
        flags |= uapi::kSetupNoSqArray;
    return flags;
}

[[noreturn]] void fail_set_up(int errno_value)
{
    int disabled = 0;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    switch (errno_value) {
    case EPERM:
        detail::fail(EPERM,
            disabled != 0
                ? fmt::format("io_uring is switched off (kernel.io_uring_disabled is {}); as root: "
                              "sysctl kernel.io_uring_disabled=0",
                    disabled)
                : std::string("io_uring is refused here (a container's seccomp profile, or a "
                              "security module); allow it, or use emu:"));
    case ENOSYS:
        detail::fail(ENOSYS, "this kernel or container has no io_uring; allow it, or use emu:");
    case EINVAL:
        detail::fail(EINVAL,
            "the kernel has no io_uring passthrough (SQE128, CQE32); Linux 6.1 or newer is needed");
    case ENOMEM:
        detail::fail(ENOMEM,
            "no memory for the ring (kernels before 5.12 count it as locked memory); raise ulimit "
            "-l or lower the depth");
    case EMFILE:
    case ENFILE: detail::fail(errno_value, "no descriptor left for the ring; raise ulimit -n");
    default: detail::fail(errno_value, "the ring could not be set up");
    }
}

[[noreturn]] void fail_registering(int errno_value, std::uint32_t count, std::uint32_t bytes)
{
    const auto total = static_cast<unsigned long long>(count) * bytes;
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    switch (errno_value) {
    case ENOMEM:
        detail::fail(ENOMEM,
            fmt::format("registering {} buffers of {} bytes needs {} KiB of locked memory and the "
                        "limit is {} KiB; raise it (ulimit -l unlimited) or lower the depth",
                count, bytes, (total + 1023) / 1024, limit.rlim_cur / 1024));
    case EEXIST:
        detail::fail(EEXIST,
            "a poll queue with rings_max 1 takes buffers only from its ring's thread");
    default:
        detail::fail(
            errno_value, fmt::format("{} buffers of {} bytes could not be registered", count, bytes));
    }
}

int register_call(int fd, unsigned opcode, void* argument, unsigned count) noexcept
{
    const long done = ::syscall(__NR_io_uring_register, fd, opcode, argument, count);
    return done < 0 ? -errno : static_cast<int>(done);
}

} // namespace

io_uring_ring::io_uring_ring(int fd, const poll_queue::options& how, poll_queue_report& report)
    : registers_ring_(how.registered_ring)
{
    set_up(how, report);
    map_memory();
    if (!how.registered_file)
        return;
    const int failed = io_uring_register_files(&ring_, &fd, 1);
    if (failed < 0) {
        io_uring_queue_exit(&ring_);
        detail::fail(-failed, "the namespace could not be registered with the ring");
    }
}

io_uring_ring::~io_uring_ring()
{
    io_uring_queue_exit(&ring_);
}

void io_uring_ring::set_up(const poll_queue::options& how, poll_queue_report& report)
{
    const unsigned entries = std::bit_ceil(how.depth);
    unsigned flags = wanted_flags(how);
    int failed = 0;
    for (std::size_t next = 0;;) {
        io_uring_params params{};
        params.flags = flags;
        // Room for all in flight, and for as many again that a slow callback has not let go of.
        params.cq_entries = 2 * entries;
        failed = io_uring_queue_init_params(entries, &ring_, &params);
        if (failed != -EINVAL)
            break;
        while (next < kOptional.size() && (flags & kOptional[next].value) == 0)
            ++next;
        if (next == kOptional.size())
            break;
        flags &= ~kOptional[next].value;
        report.declined.push_back(
            fmt::format("{}: not in the running kernel", kOptional[next].name));
    }
    if (failed < 0)
        fail_set_up(-failed);

    report.transport = "io_uring";
    report.mode = how.mode;
    if (how.mode == poll_mode::hybrid && (flags & uapi::kSetupHybridIopoll) == 0)
        report.mode = poll_mode::polled;
    if ((flags & IORING_SETUP_IOPOLL) != 0)
        report.flags.emplace_back("IOPOLL");
    for (const named_flag& flag : kRequired)
        report.flags.emplace_back(flag.name);
    for (const named_flag& flag : kOptional)
        if ((flags & flag.value) != 0)
            report.flags.emplace_back(flag.name);
}

void io_uring_ring::map_memory() noexcept
{
    memory_.sq_head = ring_.sq.khead;
    memory_.sq_tail = ring_.sq.ktail;
    memory_.sq_entries = *ring_.sq.kring_entries;
    memory_.sqes = reinterpret_cast<uapi::passthrough_sqe*>(ring_.sq.sqes);
    memory_.cq_head = ring_.cq.khead;
    memory_.cq_tail = ring_.cq.ktail;
    memory_.cq_overflow = ring_.cq.koverflow;
    memory_.cq_entries = *ring_.cq.kring_entries;
    memory_.cqes = reinterpret_cast<const uapi::passthrough_cqe*>(ring_.cq.cqes);
    // Entries are used in ring order, so the index array is the identity, written once.
    if ((ring_.flags & uapi::kSetupNoSqArray) == 0)
        for (unsigned i = 0; i < memory_.sq_entries; ++i)
            ring_.sq.array[i] = i;
}

int io_uring_ring::enter(const transport_seat& seat, unsigned to_submit, unsigned min_complete,
    unsigned flags) noexcept
{
    return io_uring_enter(static_cast<unsigned>(seat.enter_fd), to_submit, min_complete,
        flags | seat.enter_flags, nullptr);
}

transport_seat io_uring_ring::attach()
{
    std::call_once(enabled_, [this] {
        if ((ring_.flags & IORING_SETUP_R_DISABLED) == 0)
            return;
        // Not io_uring_enable_rings(): liburing 2.3 declares it and does not export it.
        const int failed
            = register_call(ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
        if (failed < 0)
            detail::fail(-failed, "the ring could not be enabled");
    });
    transport_seat seat{.enter_fd = ring_.ring_fd};
    if (!registers_ring_)
        return seat;
    // The index is this thread's: another thread would enter nothing, or another ring.
    io_uring_rsrc_update update{};
    update.offset = -1U;
    update.data = static_cast<std::uint64_t>(ring_.ring_fd);
    // 16 a thread; without one of them the plain descriptor serves.
    if (register_call(ring_.ring_fd, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
        seat.enter_fd = static_cast<int>(update.offset);
        seat.enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    return seat;
}

void io_uring_ring::detach(const transport_seat& seat) noexcept
{
    if ((seat.enter_flags & IORING_ENTER_REGISTERED_RING) == 0)
        return;
    io_uring_rsrc_update update{};
    update.offset = static_cast<std::uint32_t>(seat.enter_fd);
    register_call(ring_.ring_fd, IORING_UNREGISTER_RING_FDS, &update, 1);
}

std::uint32_t io_uring_ring::take_slots(std::uint32_t count)
{
    if (slots_taken_.empty()) {
        const int failed = io_uring_register_buffers_sparse(&ring_, kFixedBuffersMax);
        if (failed < 0)
            fail_registering(-failed, kFixedBuffersMax, 0);
        slots_taken_.resize(kFixedBuffersMax);
    }
    const auto from = std::search_n(slots_taken_.begin(), slots_taken_.end(), count, false);
    if (from == slots_taken_.end())
        detail::fail(EINVAL,
            fmt::format("no room for {} registered buffers beside those there are; a queue takes {}",
                count, kFixedBuffersMax));
    std::fill_n(from, count, true);
    return static_cast<std::uint32_t>(from - slots_taken_.begin());
}

std::uint16_t io_uring_ring::register_buffers(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
{
    const std::lock_guard lock(slots_mutex_);
    const std::uint32_t first = take_slots(count);
    std::vector<iovec> regions(count);
    for (std::uint32_t i = 0; i < count; ++i)
        regions[i] = {.iov_base = memory + i * stride, .iov_len = bytes};
    const int done
        = io_uring_register_buffers_update_tag(&ring_, first, regions.data(), nullptr, count);
    if (done == static_cast<int>(count))
        return static_cast<std::uint16_t>(first);
    // Fewer than asked for: the kernel ran out in the middle, and says of what only when asked again.
    const std::uint32_t registered = done < 0 ? 0 : static_cast<std::uint32_t>(done);
    int reason = done;
    if (done >= 0)
        reason = io_uring_register_buffers_update_tag(
            &ring_, first + registered, &regions[registered], nullptr, 1);
    std::fill_n(slots_taken_.begin() + first, count, false);
    fail_registering(reason < 0 ? -reason : ENOMEM, count, bytes);
}

void io_uring_ring::unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept
{
    const std::lock_guard lock(slots_mutex_);
    const std::vector<iovec> nothing(count);
    // Refused (EEXIST) on another thread than the ring's: the slots then stay taken until the ring
    // is torn down, which frees them.
    if (io_uring_register_buffers_update_tag(&ring_, first, nothing.data(), nullptr, count)
        == static_cast<int>(count))
        std::fill_n(slots_taken_.begin() + first, count, false);
}

} // namespace ngpoll
