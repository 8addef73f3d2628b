// SPDX-License-Identifier: MIT
#include "io_uring_instance.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../error.hpp"
#include "../linux/kernel_version.hpp"

namespace ngpoll {

namespace {

struct named_flag {
    unsigned value;
    const char* name;
};

/// Flags that every ring has: without them there is no passthrough.
constexpr std::array kRequired{
    named_flag{IORING_SETUP_SQE128, "SQE128"},
    named_flag{IORING_SETUP_CQE32, "CQE32"},
    named_flag{IORING_SETUP_CQSIZE, "CQSIZE"},
};

/// Flags that are given up in this order when the kernel refuses: the newest first.
constexpr std::array kOptional{
    named_flag{uapi::kSetupHybridIopoll, "HYBRID_IOPOLL"}, // 6.13
    named_flag{uapi::kSetupNoSqArray, "NO_SQARRAY"}, // 6.6
    named_flag{IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN"}, // 6.1
    named_flag{IORING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER"}, // 6.0
    named_flag{IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN"}, // 5.19
    named_flag{IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"}, // 5.18
};

/// A worker of the kernel carries out a command that finds no tag, from a copy of its submission
/// entry. From 6.10 (5eff57fa9f3a) to 6.14 the copy is made and the original is read all the same.
/// The program may have written the original again by then. Fixed by d6211ebbdaa5 in 6.15. Kernels
/// before 6.10 count, too: distributions call kernels 5.14 that have 6.12's io_uring.
bool reads_entries_late() { return kernel_version() < 615; }

unsigned wanted_flags(const poll_queue_options& requested)
{
    unsigned flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    if (!reads_entries_late())
        flags |= uapi::kSetupNoSqArray;
    for (const named_flag& flag : kRequired)
        flags |= flag.value;
    if (requested.mode != poll_mode::interrupt)
        flags |= IORING_SETUP_IOPOLL;
    if (requested.mode == poll_mode::hybrid)
        flags |= uapi::kSetupHybridIopoll;
    // One thread uses the ring for good: it is set up disabled, and bound to the first thread that
    // attaches.
    if (requested.rings_max == 1)
        flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED;
    // By interrupt completions then wait until the thread asks for them. Without the flag each one
    // would interrupt the thread's other system calls, for example an event loop's epoll_wait()
    // with EINTR.
    if (requested.rings_max == 1 && requested.mode == poll_mode::interrupt)
        flags |= IORING_SETUP_DEFER_TASKRUN;
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
        detail::refuse(
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

int register_call(int fd, unsigned opcode, void* argument, unsigned count) noexcept
{
    const long done = ::syscall(__NR_io_uring_register, fd, opcode, argument, count);
    return done < 0 ? -errno : static_cast<int>(done);
}

/// Puts `regions` into the table of registered buffers. Returns how many, or a negative errno.
int update_table(int fd, std::uint32_t first, std::span<const iovec> regions) noexcept
{
    io_uring_rsrc_update2 update{};
    update.offset = first;
    update.data = reinterpret_cast<std::uintptr_t>(regions.data());
    update.nr = static_cast<std::uint32_t>(regions.size());
    return register_call(fd, IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof update);
}

} // namespace

io_uring_instance::io_uring_instance(
    int fd, const poll_queue_options& requested, poll_queue_report& report)
    : process_(detail::process_generation)
    , registers_ring_(requested.registered_ring)
    , starts_disabled_(requested.rings_max == 1)
    , waits_for_interrupts_(requested.mode == poll_mode::interrupt)
{
    io_uring_params params{};
    set_up(requested, params, report);
    try {
        map_memory(params);
        if (!requested.registered_file)
            return;
        if (const int failed = register_call(fd_.get(), IORING_REGISTER_FILES, &fd, 1); failed < 0)
            detail::fail(-failed, "the namespace could not be registered with the ring");
    } catch (...) {
        tear_down();
        throw;
    }
}

io_uring_instance::~io_uring_instance() { tear_down(); }

void io_uring_instance::tear_down() noexcept
{
    // A forked child has other memory at this address by now, or none.
    if (detail::is_inherited(process_))
        return;
    if (sqes_.memory != nullptr)
        ::munmap(sqes_.memory, sqes_.bytes);
    if (rings_.memory != nullptr)
        ::munmap(rings_.memory, rings_.bytes);
}

void io_uring_instance::set_up(
    const poll_queue_options& requested, io_uring_params& params, poll_queue_report& report)
{
    const unsigned entries = std::bit_ceil(requested.depth);
    unsigned flags = wanted_flags(requested);
    for (std::size_t next = 0;;) {
        params = {};
        params.flags = flags;
        // Room for all requests in flight, and for as many completions again that wait for a slow
        // callback.
        params.cq_entries = 2 * entries;
        fd_ = file_descriptor::opened_by([&] { return io_uring_setup(entries, &params); });
        if (fd_.get() != -EINVAL)
            break;
        while (next < kOptional.size() && (flags & kOptional[next].value) == 0)
            ++next;
        if (next == kOptional.size())
            break;
        flags &= ~kOptional[next].value;
        report.declined.push_back(
            fmt::format("{}: not in the running kernel", kOptional[next].name));
    }
    if (fd_.get() < 0)
        fail_set_up(-fd_.get());

    report.transport = "io_uring";
    report.mode = requested.mode;
    if (requested.mode == poll_mode::hybrid && (flags & uapi::kSetupHybridIopoll) == 0)
        report.mode = poll_mode::polled;
    if ((flags & IORING_SETUP_IOPOLL) != 0)
        report.flags.emplace_back("IOPOLL");
    for (const named_flag& flag : kRequired)
        report.flags.emplace_back(flag.name);
    for (const named_flag& flag : kOptional)
        if ((flags & flag.value) != 0)
            report.flags.emplace_back(flag.name);
}

io_uring_instance::mapping io_uring_instance::map(std::size_t bytes, std::uint64_t offset) const
{
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
        fd_.get(), static_cast<off_t>(offset));
    if (memory == MAP_FAILED)
        detail::fail(errno, "the ring could not be mapped");
    // A forked child must not write entries that its parent would send.
    ::madvise(memory, bytes, MADV_DONTFORK);
    return {.memory = static_cast<std::byte*>(memory), .bytes = bytes};
}

void io_uring_instance::map_memory(const io_uring_params& params)
{
    // Both rings are one mapping since Linux 5.4 (IORING_FEAT_SINGLE_MMAP).
    rings_ = map(std::max<std::size_t>(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                     params.cq_off.cqes + params.cq_entries * sizeof(uapi::passthrough_cqe)),
        IORING_OFF_SQ_RING);
    sqes_ = map(params.sq_entries * sizeof(uapi::passthrough_sqe), IORING_OFF_SQES);

    const auto word = [this](std::uint32_t offset) {
        return reinterpret_cast<unsigned*>(rings_.memory + offset);
    };
    memory_.sq_head = word(params.sq_off.head);
    memory_.sq_tail = word(params.sq_off.tail);
    memory_.sq_entries = params.sq_entries;
    memory_.sqes = reinterpret_cast<uapi::passthrough_sqe*>(sqes_.memory);
    memory_.cq_head = word(params.cq_off.head);
    memory_.cq_tail = word(params.cq_off.tail);
    memory_.cq_overflow = word(params.cq_off.overflow);
    memory_.cq_entries = params.cq_entries;
    memory_.cqes
        = reinterpret_cast<const uapi::passthrough_cqe*>(rings_.memory + params.cq_off.cqes);
    memory_.cq_flags = word(params.cq_off.flags);
    if ((params.flags & uapi::kSetupNoSqArray) != 0)
        return;
    unsigned* const array = word(params.sq_off.array);
    std::iota(array, array + params.sq_entries, 0U);
    if (reads_entries_late())
        memory_.sq_array = array;
}

int io_uring_instance::enter(
    const transport_seat& seat, unsigned to_submit, unsigned min_complete, unsigned flags) noexcept
{
    return io_uring_enter(static_cast<unsigned>(seat.enter_fd), to_submit, min_complete,
        flags | seat.enter_flags, nullptr);
}

int io_uring_instance::enter_until(const transport_seat& seat, unsigned to_submit,
    unsigned min_complete, unsigned flags, std::chrono::steady_clock::time_point deadline) noexcept
{
    const auto now = std::chrono::steady_clock::now();
    if (min_complete == 0 || deadline <= now)
        return enter(seat, to_submit, 0, flags);
    const std::chrono::nanoseconds left = deadline - now;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    __kernel_timespec time{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<std::uintptr_t>(&time);
    return io_uring_enter2(static_cast<unsigned>(seat.enter_fd), to_submit, min_complete,
        flags | seat.enter_flags | IORING_ENTER_EXT_ARG, reinterpret_cast<sigset_t*>(&argument),
        sizeof argument);
}

transport_seat io_uring_instance::attach()
{
    std::call_once(enabled_, [this] {
        if (!starts_disabled_)
            return;
        const int failed = register_call(fd_.get(), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
        if (failed < 0)
            detail::fail(-failed, "the ring could not be enabled");
    });
    transport_seat seat{.enter_fd = fd_.get()};
    if (!registers_ring_)
        return seat;
    // The index belongs to this thread: on another thread it names no ring, or another ring.
    io_uring_rsrc_update update{};
    update.offset = -1U;
    update.data = static_cast<std::uint64_t>(fd_.get());
    // The kernel allows 16 a thread. Without one the plain descriptor works, too.
    if (register_call(fd_.get(), IORING_REGISTER_RING_FDS, &update, 1) == 1) {
        seat.enter_fd = static_cast<int>(update.offset);
        seat.enter_flags = IORING_ENTER_REGISTERED_RING;
    }
    return seat;
}

void io_uring_instance::detach(const transport_seat& seat) noexcept
{
    if ((seat.enter_flags & IORING_ENTER_REGISTERED_RING) == 0)
        return;
    io_uring_rsrc_update update{};
    update.offset = static_cast<std::uint32_t>(seat.enter_fd);
    register_call(fd_.get(), IORING_UNREGISTER_RING_FDS, &update, 1);
}

int io_uring_instance::make_table() noexcept
{
    if (has_table_)
        return 0;
    io_uring_rsrc_register table{};
    table.nr = kFixedBuffersMax;
    table.flags = IORING_RSRC_REGISTER_SPARSE;
    const int failed = register_call(fd_.get(), IORING_REGISTER_BUFFERS2, &table, sizeof table);
    has_table_ = failed >= 0;
    return failed;
}

int io_uring_instance::update_buffers(std::uint32_t first, std::span<const iovec> regions) noexcept
{
    const int failed = make_table();
    return failed < 0 ? failed : update_table(fd_.get(), first, regions);
}

void io_uring_instance::drop_buffers() noexcept
{
    if (!has_table_ || detail::is_inherited(process_))
        return;
    register_call(fd_.get(), IORING_UNREGISTER_BUFFERS, nullptr, 0);
    has_table_ = false;
    slots_.clear();
}

std::uint16_t io_uring_instance::register_buffers(
    std::byte* memory, std::size_t stride, std::uint32_t bytes, std::uint32_t count)
{
    const std::lock_guard lock(slots_mutex_);
    const std::vector<iovec> regions = regions_of(memory, stride, bytes, count);
    if (const int failed = make_table(); failed < 0)
        detail::fail(-failed,
            "the kernel makes no table for registered buffers; use buffers that "
            "are not registered (buffer_pool::options::fixed, bench -B0)");
    const std::uint32_t first = slots_.take(count);
    const int done = update_table(fd_.get(), first, regions);
    if (done == static_cast<int>(count))
        return static_cast<std::uint16_t>(first);
    // Fewer than asked for: the kernel ran out in the middle. It says of what only when asked
    // again.
    const std::uint32_t registered = done < 0 ? 0 : static_cast<std::uint32_t>(done);
    int reason = done;
    if (done >= 0)
        reason = update_table(
            fd_.get(), first + registered, std::span(regions).subspan(registered, 1));
    // The buffers before it are pinned, and count as locked memory, until they are taken out again.
    empty_slots(first, count);
    fail_registering({.errno_value = reason < 0 ? -reason : ENOMEM,
        .what = fmt::format("{} buffers of {} bytes", count, bytes),
        .bytes = std::uint64_t{count} * bytes,
        .each_ring = waits_for_interrupts_});
}

void io_uring_instance::empty_slots(std::uint32_t first, std::uint32_t count) noexcept
{
    static constexpr std::array<iovec, 256> kNothing{};
    while (count != 0) {
        const std::uint32_t some = std::min(count, static_cast<std::uint32_t>(kNothing.size()));
        // Refused (EEXIST) on another thread than the ring's. The slots then stay taken until the
        // ring is torn down, which frees them.
        if (update_table(fd_.get(), first, std::span(kNothing).first(some))
            == static_cast<int>(some))
            slots_.give_back(first, some);
        first += some;
        count -= some;
    }
}

void io_uring_instance::unregister_buffers(std::uint16_t first, std::uint32_t count) noexcept
{
    if (detail::is_inherited(process_))
        return;
    const std::lock_guard lock(slots_mutex_);
    empty_slots(first, count);
}

void io_uring_instance::register_event(int event_fd)
{
    // Not the _ASYNC variant, which leaves out most completions.
    if (const int failed = register_call(fd_.get(), IORING_REGISTER_EVENTFD, &event_fd, 1);
        failed < 0)
        detail::fail(-failed,
            fmt::format(
                "event_fd {} could not be registered; give an eventfd(2) that is open", event_fd));
}

} // namespace ngpoll
