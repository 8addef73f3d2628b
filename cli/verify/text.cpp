// SPDX-License-Identifier: MIT
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../bench/text.hpp"
#include "../size_text.hpp"
#include "result.hpp"

namespace ngpoll::cli {

namespace {

constexpr std::size_t kShownMax = 20;

std::string mode_text(poll_mode mode)
{
    return mode == poll_mode::interrupt ? "by interrupt" : "polled";
}

} // namespace

std::uint64_t verify_result::acknowledged() const noexcept
{
    return std::accumulate(phases.begin(), phases.end(), std::uint64_t{0},
        [](std::uint64_t sum, const phase_result& each) {
            return sum + (each.generation != 0 ? each.done : 0);
        });
}

std::uint64_t verify_result::read() const noexcept
{
    return std::accumulate(phases.begin(), phases.end(), std::uint64_t{0},
        [](std::uint64_t sum, const phase_result& each) {
            return sum + (each.generation == 0 ? each.done : 0);
        });
}

std::uint64_t verify_result::unstamped() const noexcept
{
    return std::accumulate(phases.begin(), phases.end(), std::uint64_t{0},
        [](std::uint64_t sum, const phase_result& each) { return sum + each.unstamped; });
}

bool verify_result::checked_nothing() const noexcept
{
    return options.check && !resumed && read() != 0
        && unstamped() == read() * (range.block_bytes / range.lba_bytes);
}

std::string heading_text(const verify_result& run)
{
    const std::uint64_t first = run.range.first_lba;
    const std::uint64_t blocks
        = run.range.positions * (run.range.block_bytes / run.range.lba_bytes);
    std::string text = fmt::format("{}{}: {}, {}, LBA {} to {}, {} per I/O\n",
        run.device.emulated ? "emulated, no hardware: " : "", run.device.path, run.range.drive,
        size_text(blocks * run.range.lba_bytes), first, first + blocks - 1,
        size_text(run.range.block_bytes));
    text += fmt::format("{} thread{}, depth {} each, {} poll queue{}, {}\n", run.options.threads,
        run.options.threads == 1 ? "" : "s", run.depth, run.poll_queues,
        run.poll_queues == 1 ? "" : "s", mode_text(run.queue.mode));
    for (const std::string& declined : run.queue.declined)
        text += fmt::format("not in force: {}\n", declined);
    if (run.state_bytes_dropped != 0)
        text += fmt::format("--state {}: its last {} byte{} cut off or damaged and do not count\n",
            run.options.state_path, run.state_bytes_dropped,
            run.state_bytes_dropped == 1 ? " is" : "s are");
    if (!run.unchecked.empty())
        text += fmt::format("forced: ngpoll cannot tell whether it is in use: {}\n", run.unchecked);
    return text;
}

std::string progress_text(const verify_result& run, const phase_result& now)
{
    return fmt::format("{}: {:3.0f} %  IOPS={}, BW={}/s\n", now.name,
        100.0 * static_cast<double>(now.done) / static_cast<double>(run.range.positions),
        rate_text(now.iops()),
        size_text(static_cast<std::uint64_t>(now.iops()) * run.range.block_bytes));
}

std::string phase_text(const verify_result& run, const phase_result& phase)
{
    std::string text
        = fmt::format("{}: {} I/Os{} in {:.1f} s, IOPS={}, BW={}/s\n", phase.name, phase.done,
            phase.generation != 0 ? " acknowledged" : "", phase.seconds, rate_text(phase.iops()),
            size_text(static_cast<std::uint64_t>(phase.iops()) * run.range.block_bytes));
    if (phase.generation != 0 || !phase.is_state_known)
        return text;
    if (phase.wrong != 0)
        text += fmt::format("{}: {} of {} acknowledged writes are missing or damaged\n", phase.name,
            phase.wrong, phase.done);
    else if (phase.whole)
        text += fmt::format("{}: all {} acknowledged writes are there\n", phase.name, phase.done);
    else
        text += fmt::format("{}: {} acknowledged writes are there; the others were not read\n",
            phase.name, phase.done);
    return text;
}

std::string summary_text(const verify_result& run, const findings& found)
{
    std::string text;
    const std::vector<finding> all = found.merged();
    for (std::size_t i = 0; i < all.size() && i < kShownMax; ++i)
        text += text_of(all[i]) + "\n";
    if (all.size() > kShownMax)
        text += fmt::format("... and {}{} more; --json lists up to {}\n",
            found.total() > findings::kKeptMax ? "at least " : "", all.size() - kShownMax,
            findings::kKeptMax);
    if (const std::uint64_t unstamped = run.unstamped(); unstamped != 0)
        text += fmt::format("{} logical blocks hold no stamp: they were never written, or their "
                            "data are lost; only --state can tell\n",
            unstamped);
    if (found.total() == 0 && !run.failure.empty())
        return text;
    if (found.total() == 0)
        return text
            + (run.checked_nothing() ? ""
                                     : fmt::format("{} I/Os read, all as written\n", run.read()));
    std::string kinds;
    for (const finding::kind kind : kAllFindings)
        kinds += fmt::format(
            "{}{} {}", kinds.empty() ? "" : ", ", found.count(kind), to_string(kind));
    return text + fmt::format("wrong logical blocks: {} ({})\n", found.total(), kinds);
}

} // namespace ngpoll::cli
