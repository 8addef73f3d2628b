// SPDX-License-Identifier: MIT
#include "cost.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ngpoll::cli {

namespace {

/// Opens a counter for this thread and for all threads that it will make. Returns a descriptor, or
/// a negated errno.
int open_counter(std::uint64_t event, bool kernel) noexcept
{
    perf_event_attr wanted{};
    wanted.type = PERF_TYPE_HARDWARE;
    wanted.size = sizeof wanted;
    wanted.config = event;
    wanted.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    wanted.inherit = 1;
    wanted.exclude_kernel = kernel ? 0 : 1;
    wanted.exclude_hv = 1;
    const long opened = ::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return opened < 0 ? -errno : static_cast<int>(opened);
}

double value_of(int counter) noexcept
{
    std::array<std::uint64_t, 3> got{}; // the count, and the times enabled and running
    if (counter < 0 || ::read(counter, got.data(), sizeof got) != sizeof got || got[2] == 0)
        return 0;
    // When other programs count too, the kernel runs this counter for a part of the time only.
    return static_cast<double>(got[0]) * static_cast<double>(got[1]) / static_cast<double>(got[2]);
}

double nanoseconds(const timeval& time) noexcept
{
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
}

constexpr const char* kAllow = "sysctl kernel.perf_event_paranoid=1";

std::string reason(int error)
{
    constexpr const char* kNone = "no instructions and cycles: ";
    switch (error) {
    case EACCES:
    case EPERM: return fmt::format("{}not permitted; {} permits them", kNone, kAllow);
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP: return fmt::format("{}the machine has no counters (a virtual one?)", kNone);
    case ENOSYS: return fmt::format("{}this kernel has no perf events", kNone);
    default:
        return fmt::format("{}{} (errno {})", kNone, std::system_category().message(error), error);
    }
}

} // namespace

cost_meter::cost_meter()
{
    instructions_ = open_counter(PERF_COUNT_HW_INSTRUCTIONS, true);
    scope_.kernel = instructions_ >= 0;
    if (instructions_ == -EACCES || instructions_ == -EPERM) {
        scope_.why = fmt::format("user mode only: {} permits counts of the kernel", kAllow);
        instructions_ = open_counter(PERF_COUNT_HW_INSTRUCTIONS, false);
    }
    if (instructions_ < 0) {
        scope_.why = reason(-instructions_);
        return;
    }
    cycles_ = open_counter(PERF_COUNT_HW_CPU_CYCLES, scope_.kernel);
    if (cycles_ < 0)
        scope_.why = reason(-cycles_);
    scope_.counted = cycles_ >= 0;
}

cost_meter::~cost_meter()
{
    for (const int counter : {instructions_, cycles_})
        if (counter >= 0)
            ::close(counter);
}

process_cost cost_meter::read() const noexcept
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    process_cost all{
        .user_ns = nanoseconds(used.ru_utime), .system_ns = nanoseconds(used.ru_stime)};
    if (scope_.counted) {
        all.instructions = value_of(instructions_);
        all.cycles = value_of(cycles_);
    }
    return all;
}

} // namespace ngpoll::cli
