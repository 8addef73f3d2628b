// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "outcome.hpp"

namespace ngpoll::cli {

namespace {

/// Two measurements of the same thing differ by less than this on a machine that does nothing else.
constexpr double kNoise = 0.02;

constexpr const char* kMissing = "a measurement that it needs is missing";

claim decided(claim made, bool holds, std::string found)
{
    made.told = holds ? claim::verdict::holds : claim::verdict::does_not_hold;
    made.found = std::move(found);
    return made;
}

claim not_tried(claim made, std::string why)
{
    made.told = claim::verdict::not_tried;
    made.found = std::move(why);
    return made;
}

/// Whether `ours` makes no fewer IOPS than `other`. An emulated drive cannot tell: it uses the same
/// processors as the threads that it serves.
claim no_slower(
    claim made, const step_figures* ours, const step_figures* other, const namespace_info& device)
{
    if (ours == nullptr || other == nullptr || !ours->iops || !other->iops || *other->iops == 0)
        return not_tried(std::move(made), kMissing);
    if (device.emulated)
        return not_tried(std::move(made), "an emulated drive has no speed of its own");
    const double ratio = *ours->iops / *other->iops;
    return decided(std::move(made), ratio >= 1 - kNoise,
        fmt::format("{:.0f} against {:.0f} IOPS: {:.3f}", *ours->iops, *other->iops, ratio));
}

claim share_is_whole(claim made, const step_figures* of, std::optional<double> step_figures::*share)
{
    if (of == nullptr || !(of->*share))
        return not_tried(std::move(made), kMissing);
    const double found = *(of->*share);
    return decided(std::move(made), found >= 0.9999, fmt::format("{:.2f} %", found * 100));
}

claim no_errors(claim made, const std::vector<step_outcome>& outcomes)
{
    double errors = 0;
    bool measured = false;
    for (const step_outcome& each : outcomes)
        for (const step_figures& figures : each.figures)
            if (each.step.runs == survey_step::program::bench) {
                measured = true;
                errors += figures.errors;
            }
    if (!measured)
        return not_tried(std::move(made), kMissing);
    return decided(std::move(made), errors == 0, fmt::format("{:.0f} failed", errors));
}

} // namespace

std::string_view to_string(claim::verdict told) noexcept
{
    switch (told) {
    case claim::verdict::holds: return "holds";
    case claim::verdict::does_not_hold: return "does not hold";
    case claim::verdict::not_tried: return "not tried";
    }
    return "not tried";
}

std::vector<claim> try_claims(
    const std::vector<step_outcome>& outcomes, const namespace_info& device)
{
    const auto of = [&](std::string_view name) { return figures_of(outcomes, name); };
    const step_figures* const alone = of("one_thread");
    std::vector<claim> claims;
    claims.push_back(no_slower({.name = "no_slower_than_t_io_uring",
                                   .text = "One thread is no slower than fio's t/io_uring"},
        alone, of("t_io_uring"), device));
    claims.push_back(no_slower(
        {.name = "no_slower_than_fio", .text = "One thread is no slower than fio's io_uring_cmd"},
        alone, of("fio"), device));
    for (std::uint32_t threads = 2; threads <= kSurveyThreadsMax; threads *= 2)
        claims.push_back(no_slower(
            {.name = fmt::format("shared_{}_no_slower", threads),
                .text = fmt::format(
                    "{} threads that share one poll queue are no slower than one thread", threads)},
            of(fmt::format("shared_{}", threads)), of("shared_1"), device));
    claims.push_back(share_is_whole({.name = "one_ring_finishes_inline",
                                        .text = "With one ring every completion finishes inline"},
        alone, &step_figures::inline_share));
    claim by_interrupt{.name = "runs_by_interrupt", .text = "ngpoll also runs by interrupt"};
    const step_figures* const interrupted = of("by_interrupt");
    claims.push_back(interrupted == nullptr
            ? not_tried(std::move(by_interrupt), kMissing)
            : decided(std::move(by_interrupt), interrupted->iops.value_or(0) > 0,
                fmt::format("{:.0f} IOPS", interrupted->iops.value_or(0))));
    claims.push_back(
        no_errors({.name = "no_read_failed", .text = "No read of ngpoll failed"}, outcomes));
    return claims;
}

} // namespace ngpoll::cli
