// SPDX-License-Identifier: MIT
#include "target.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/stat.h>

#include <ngpoll/kernel_faults.hpp>
#include <ngpoll/processors.hpp>

#include "environment.hpp"
#include "plan.hpp"

namespace ngpoll::cli {

namespace {

placement_bounds bounds_of(
    const bench_options& options, const namespace_info& device, const drive_place& place)
{
    placement_bounds bounds;
    if (device.emulated)
        return bounds;
    bounds.allowed = allowed_processors();
    if (options.near_drive) {
        bounds.node = place.node;
        bounds.node_cpus = place.node_cpus;
    }
    // Threads that do not poll need not keep to the processors of poll queues.
    if (options.polled) {
        bounds.map = read_hardware_queues(device.path);
        bounds.queues_max = options.force ? 0 : device.polled_queues_max;
    }
    return bounds;
}

/// The permit to write to `device`, if the run writes.
std::optional<write_permit> permit_for(const bench_options& options, const nvme_namespace& device)
{
    if (!options.pattern().writes())
        return std::nullopt;
    const std::vector<std::string>& names = options.write_names;
    const std::string own = serial_and_nsid(device.info());
    const bool is_named = std::find(names.begin(), names.end(), own) != names.end();
    return write_permit::take(device,
        {.serial_nsid = is_named ? own
                : names.empty()  ? ""
                                 : names.front(),
            .force = options.force});
}

/// Refuses a drive that is named twice. Two emulated drives are always different ones.
void refuse_repeated(const std::vector<nvme_namespace>& devices)
{
    // Compare the devices' numbers, because a drive may have several names.
    // std::filesystem::equivalent() does not compare devices.
    const auto same = [](const namespace_info& a, const namespace_info& b) {
        struct stat of_a { };
        struct stat of_b { };
        return !a.emulated && !b.emulated && ::stat(a.path.c_str(), &of_a) == 0
            && ::stat(b.path.c_str(), &of_b) == 0 && of_a.st_rdev == of_b.st_rdev;
    };
    for (std::size_t i = 0; i < devices.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (same(devices[i].info(), devices[j].info()))
                throw std::invalid_argument(
                    fmt::format("{}: given twice; name each drive once", devices[i].info().path));
}

/// Whether this kernel may crash when a command without data is polled.
bool crashes_without_data()
{
    const machine_info host = read_machine();
    for (const kernel_fault& fault : kernel_faults())
        if (fault.name == "commands_without_data")
            return has_fault(host, fault) != fault_answer::no;
    return false;
}

void check_kernel(const bench_options& options, const namespace_info& device)
{
    if (options.pattern().changes == operation::write_zeroes && options.polled && !options.force
        && !device.emulated && crashes_without_data())
        throw std::invalid_argument(
            fmt::format("--rw {}: {} may crash when a command without data is polled; give -p0",
                options.pattern().word, kernel_text()));
}

} // namespace

bench_targets open_targets(const bench_options& options)
{
    bench_targets targets;
    for (const std::string& path :
        options.devices.empty() ? std::vector<std::string>{"emu:"} : options.devices)
        targets.devices.push_back(
            nvme_namespace::open(path, {.writable = options.pattern().writes()}));
    refuse_repeated(targets.devices);
    for (const nvme_namespace& device : targets.devices) {
        targets.permits.push_back(permit_for(options, device));
        targets.places.push_back(find_place(device.info()));
    }
    return targets;
}

std::string permits_text(const bench_targets& targets)
{
    std::string text;
    for (std::size_t d = 0; d < targets.devices.size(); ++d)
        if (const auto& permit = targets.permits[d]; permit && !permit->unchecked().empty())
            text += fmt::format(
                "forced: writes to {}, although nobody can tell whether it is in use: {}\n",
                targets.devices[d].info().path, permit->unchecked());
    return text;
}

bench_result plan_run(
    const bench_options& options, const queue_choice& choice, const bench_targets& targets)
{
    // Check each cell of a sweep, because one cell may poll and another not.
    for (const nvme_namespace& device : targets.devices)
        check_kernel(options, device.info());
    bench_result planned;
    planned.options = options;
    planned.clock = clock_of(options);
    planned.choice = choice.word;
    // t/io_uring deals threads out in the same way: each drive gets neighbouring threads, and the
    // first drives get the remainder.
    const auto drives = static_cast<std::uint32_t>(targets.devices.size());
    std::uint32_t first_thread = 0;
    std::uint32_t first_queue = 0;
    for (std::uint32_t d = 0; d < drives; ++d) {
        const std::uint32_t threads
            = options.threads / drives + (d < options.threads % drives ? 1 : 0);
        bench_drive& drive = planned.drives.emplace_back();
        drive.device = targets.devices[d].info();
        drive.place = targets.places[d];
        drive.layout = lay_out(choice, threads, bounds_of(options, drive.device, drive.place));
        drive.geometry = plan(options, drive.device, drive.layout);
        drive.first_thread = first_thread;
        drive.first_queue = first_queue;
        first_thread += threads;
        first_queue += drive.layout.queues;
    }
    return planned;
}

} // namespace ngpoll::cli
