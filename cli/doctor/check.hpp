// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "patient.hpp"

namespace ngpoll::cli {

/// In order of weight: of several paths the heaviest counts.
enum class check_state { ok, unknown, slow, unsafe };

[[nodiscard]] std::string_view to_string(check_state state) noexcept;

/// What one check says of the machine, or of a drive.
struct diagnosis {
    check_state state = check_state::unknown;
    std::string found;
    std::string fix; ///< the command that mends it; empty where nothing needs to be mended
};

/// A line of the result.
struct check {
    std::string name; ///< scripts rely on it
    std::string device; ///< /dev/ng0n1; empty: the check is of the machine
    diagnosis told;
    std::string why; ///< why it matters
};

/// Of the machine alone, each always once.
[[nodiscard]] std::vector<check> check_machine(const patient& all);

/// Of each drive; without one each check is there once, unknown.
[[nodiscard]] std::vector<check> check_drives(const patient& all);

/// The running kernel's faults, each of those that are known once.
[[nodiscard]] std::vector<check> check_kernel_faults(const patient& all);

/// All of them, in this order.
[[nodiscard]] std::vector<check> check_all(const patient& all);

/// For people: each check with its reason, and a last line that counts them.
[[nodiscard]] std::string doctor_text(const std::vector<check>& checks);

/// For programs: one JSON object.
[[nodiscard]] std::string doctor_json(const std::vector<check>& checks, const patient& all);

} // namespace ngpoll::cli
