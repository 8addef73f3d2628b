// SPDX-License-Identifier: MIT
#include <ngpoll/kernel_faults.hpp>

#include <tuple>

namespace ngpoll {

namespace {

/// Polled passthrough came with 6.1: no earlier kernel can have these faults.
constexpr kernel_number kFirst{6, 1, {}};
constexpr kernel_number kNone{};

// 6.12.35 was looked up in its announcement. 6.1.143 and 6.6.96 are the first releases after 3 July
// 2025; on that day the patch was in their queues.
constexpr fixed_series kPuntedCompletions[] = {
    {6, 1, 143, false},
    {6, 6, 96, false},
    {6, 12, 35, true},
};

constexpr kernel_fault kFaults[] = {
    {.name = "two_rings_by_bio",
        .first = kFirst,
        .seen_last = {6, 4, {}},
        .fixed = {6, 5, {}},
        .what = "Two rings that poll one drive may crash the kernel: it polls by way of a bio that "
                "the other ring may just have freed.",
        .fix = "use Linux 6.5 or newer; until then let all threads share one poll queue (ngpoll's "
               "default), and run no other polling program on the drive",
        .source = "9408d8a37e6c, in 6.5"},
    {.name = "commands_without_data",
        .first = kFirst,
        .seen_last = {6, 4, {}},
        .fixed = {6, 5, {}},
        .what = "A polled command without data (Flush, Write Zeroes) crashes the kernel: it polls "
                "by way of a bio, and such a command has none.",
        .fix = "use Linux 6.5 or newer; until then send such commands by interrupt: ngpoll bench "
               "-p0, and fio without hipri",
        .source = "tried on 6.1.176; 9408d8a37e6c, in 6.5"},
    {.name = "foreign_completions",
        .first = kFirst,
        .seen_last = {6, 15, {}},
        .fixed = {6, 16, {}},
        .series = kPuntedCompletions,
        .what = "A ring that finds another ring's completion finishes it under the wrong ring, "
                "which may corrupt the other one.",
        .fix = "use Linux 6.16, 6.12.35 or newer; until then let all threads share one poll queue "
               "(ngpoll's default), and run no other polling program on the drive",
        .source = "9ce6c9875f3e, in 6.16"},
    {.name = "task_work_completions",
        .only_slow = true,
        .first = kFirst,
        .seen_last = {6, 19, {}},
        .fixed = {7, 0, {}},
        .what
        = "Each completion goes through the thread that sent the command, which costs about a "
          "tenth of the IOPS, and a thread that has exited never gets it.",
        .fix = "use Linux 7.0 or newer; until then end no thread that has I/O in flight",
        .source = "f7bc22ca0d55, in 7.0"},
    // The list and its fix came with the same merge window: only development kernels between the
    // two commits have the fault. It stands here so that a search for it ends.
    {.name = "out_of_order_list",
        .first = {7, 0, {}},
        .seen_last = {7, 0, {}},
        .fixed = {7, 0, {}},
        .what = "The list that lets polled I/O complete out of order corrupts completions of "
                "passthrough.",
        .fix = "use a released kernel, not one from between the two commits",
        .source = "3c7d76d6128a to 697a5284ad96, both in 7.0"},
    {.name = "killed_with_io_in_flight",
        .first = kFirst,
        .seen_last = {6, 12, {}},
        .fixed = {7, 2, {}},
        .what
        = "A process that is killed (SIGKILL) with polled I/O in flight crashes Linux 6.1; on "
          "6.12 it leaves a kernel worker that takes a processor until the next boot.",
        .fix = "end polling programs with SIGINT or SIGTERM and wait for them; use Linux 7.2 or "
               "newer",
        .source = "tried on 6.1, 6.12.95 and 7.2.12"},
    {.name = "more_in_flight_than_tags",
        .first = kFirst,
        .seen_last = {6, 12, {}},
        .fixed = {7, 3, {}},
        .what = "Programs that together have more in flight than the drive has tags may read wrong "
                "data with a status of success, or crash the kernel, where their buffers are not "
                "registered.",
        .fix
        = "keep buffers registered (ngpoll's default), and the depths of all programs together "
          "below the drive's tags: cat /sys/block/NAME/queue/nr_requests",
        .source = "tried on 6.12.95 (wrong data, and a null pointer in nvme_poll) and 7.3.4 "
                  "(errors only)"},
    {.name = "tcp",
        .needs = kernel_fault::condition::tcp,
        .first = kFirst,
        .seen_last = {7, 3, {}},
        .fixed = kNone,
        .what = "Polled passthrough to a drive over TCP crashes the kernel within seconds: a null "
                "pointer in nvme_tcp_poll.",
        .fix = "run by interrupt on this drive (ngpoll does unless --force is given): ngpoll bench "
               "-p0",
        .source = "tried on 6.12.95 and 7.3.4"},
    {.name = "two_rings_with_scheduler",
        .needs = kernel_fault::condition::scheduler,
        .first = kFirst,
        .seen_last = {7, 3, {}},
        .fixed = kNone,
        .what
        = "Two rings that poll a drive with an I/O scheduler crash the kernel: a null pointer "
          "in nvme_poll.",
        .fix = "echo none > /sys/block/NAME/queue/scheduler",
        .source = "tried on 6.12.95 and 7.3.4"},
};

/// Compares versions without their patch.
constexpr bool is_before(const kernel_number& a, const kernel_number& b)
{
    return std::tuple(a.major, a.minor) < std::tuple(b.major, b.minor);
}

} // namespace

std::span<const kernel_fault> kernel_faults() noexcept { return kFaults; }

fault_answer has_fault(const machine_info& host, const kernel_fault& fault) noexcept
{
    const kernel_number& kernel = host.kernel;
    if (kernel.major == 0 || host.kernel_has_backports)
        return fault_answer::unsure;
    const bool mended = fault.fixed.major != 0 && !is_before(kernel, fault.fixed);
    if (is_before(kernel, fault.first) || mended)
        return fault_answer::no;
    for (const fixed_series& each : fault.series)
        if (kernel.major == each.major && kernel.minor == each.minor) {
            if (!kernel.patch)
                return fault_answer::unsure;
            if (*kernel.patch < each.patch)
                return fault_answer::yes;
            return each.certain ? fault_answer::no : fault_answer::unsure;
        }
    // If no fix is known, a newer kernel is assumed to have the fault.
    const bool beyond = fault.fixed.major != 0 && is_before(fault.seen_last, kernel);
    return beyond ? fault_answer::unsure : fault_answer::yes;
}

} // namespace ngpoll
