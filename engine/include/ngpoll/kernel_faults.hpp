// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include <ngpoll/machine.hpp>

namespace ngpoll {

/// A series of stable kernels that got a fix.
struct fixed_series {
    unsigned major = 0; ///< 6 of 6.12.9
    unsigned minor = 0; ///< 12 of 6.12.9
    unsigned patch = 0; ///< the first with it
    bool certain = true; ///< false: it was queued for that one, and nobody looked into the release
};

/// A fault of Linux that polled passthrough meets. Versions are of the main line, without a patch.
struct kernel_fault {
    /// What must be so, besides the version.
    enum class condition {
        any, ///< nothing
        tcp, ///< a drive is reached over TCP
        scheduler, ///< a drive has an I/O scheduler
    };
    std::string_view name; ///< in snake_case, fixed: scripts rely on it
    condition needs = condition::any; ///< met only where this is so
    bool only_slow = false; ///< it costs speed, and is no danger
    kernel_number first; ///< the first version that is known or must be taken to have it
    kernel_number seen_last; ///< the last one on which it was seen; above it, below `fixed`: unsure
    kernel_number fixed; ///< the first version without it; major 0: none is known
    std::span<const fixed_series> series = {}; ///< stable kernels below `fixed` that have the fix
    std::string_view what; ///< what happens, and when
    std::string_view fix; ///< what to do
    std::string_view source; ///< where the range comes from
};

/// All that are known, in order of the version that mended them.
[[nodiscard]] std::span<const kernel_fault> kernel_faults() noexcept;

/// Whether a kernel has a fault.
enum class fault_answer { no, yes, unsure };

/// Whether `kernel` has `fault`, where its condition is met. `unsure`: between the versions that
/// were tried, a number that the distribution hides, or a kernel with backports.
[[nodiscard]] fault_answer has_fault(const machine_info& host, const kernel_fault& fault) noexcept;

} // namespace ngpoll
