// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "examined_system.hpp"

namespace ngpoll::cli {

/// In order of severity. A check of several paths has the most severe state of them.
enum class check_state { ok, unknown, slow, unsafe };

[[nodiscard]] std::string_view to_string(check_state state) noexcept;

/// The result of one check of the machine or of a drive.
struct diagnosis {
    check_state state = check_state::unknown;
    std::string found;
    std::string fix; ///< the command that removes the problem; empty: there is none to remove
};

/// One entry of the output.
struct check {
    std::string name; ///< scripts rely on it
    std::string device; ///< /dev/ng0n1; empty for a check of the machine
    diagnosis told;
    std::string why; ///< why it matters
};

/// Checks the machine. Each check appears once.
[[nodiscard]] std::vector<check> check_machine(const examined_system& all);

/// Checks each drive. Without a drive each check appears once, with the state unknown.
[[nodiscard]] std::vector<check> check_drives(const examined_system& all);

/// Checks the running kernel for each fault that ngpoll knows. Each fault appears once.
[[nodiscard]] std::vector<check> check_kernel_faults(const examined_system& all);

/// The checks of the machine, of the kernel's faults and of the drives, in this order.
[[nodiscard]] std::vector<check> check_all(const examined_system& all);

/// Text for people: each check with its reason, and a last line with the counts.
[[nodiscard]] std::string doctor_text(const std::vector<check>& checks);

/// One JSON object for programs.
[[nodiscard]] std::string doctor_json(const std::vector<check>& checks, const examined_system& all);

} // namespace ngpoll::cli
