// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../bench/environment.hpp"
#include "plan.hpp"

namespace ngpoll::cli {

/// The figures of one measurement. A figure that its program does not print is empty.
struct step_figures {
    std::string label{}; ///< the name of a sweep's cell: "d=8"
    std::optional<double> iops{};
    std::optional<double> p50_ns{};
    std::optional<double> p99_ns{};
    std::optional<double> cpu_ns_per_io{};
    std::optional<double> inline_share{};
    std::optional<double> deferred_share{};
    double errors = 0; ///< reads that failed
};

enum class step_state {
    measured,
    failed, ///< it ran, and something went wrong
    refused, ///< the program said that it cannot run here
    left_out, ///< it was not tried
};

[[nodiscard]] std::string_view to_string(step_state state) noexcept;

/// The end of a step, and its figures.
struct step_outcome {
    survey_step step{};
    step_state state = step_state::left_out;
    std::string why{}; ///< the reason of every state but `measured`
    std::string result{}; ///< a JSON object; empty: nothing was measured
    std::vector<step_figures> figures{}; ///< a sweep has several
};

/// The figures of the step `name`; nullptr if it was not measured.
[[nodiscard]] const step_figures* figures_of(
    const std::vector<step_outcome>& outcomes, std::string_view name) noexcept;

/// A sentence of the README, tried on this drive.
struct claim {
    enum class verdict { holds, does_not_hold, not_tried };

    std::string name{}; ///< scripts rely on it
    std::string text{};
    verdict told = verdict::not_tried;
    std::string found{}; ///< the figures that decide it, or why there are none
};

[[nodiscard]] std::string_view to_string(claim::verdict told) noexcept;

[[nodiscard]] std::vector<claim> try_claims(
    const std::vector<step_outcome>& outcomes, const namespace_info& device);

/// The content of the survey's file.
struct survey_outcome {
    environment around{};
    namespace_info device{};
    std::string doctor{}; ///< a JSON object; empty: there is none
    std::vector<step_outcome> steps{};
    std::vector<claim> claims{};
    bool cut_short = false; ///< a signal ended the survey
};

/// Reads the output of a step's program into `outcome`. The step becomes `failed` if the output
/// holds no result.
void read_output(step_outcome& outcome, const std::string& printed);

[[nodiscard]] std::string survey_json(const survey_outcome& all);

/// The state of a step, and a line for each of its figures.
[[nodiscard]] std::string step_text(const step_outcome& outcome);
[[nodiscard]] std::string claims_text(const std::vector<claim>& claims);

} // namespace ngpoll::cli
