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
    unsigned patch = 0; ///< the first patch with the fix
    /// False: the fix was queued for that patch, and nobody looked into the release
    bool certain = true;
};

/// A fault of Linux that affects polled passthrough. Versions are of the main line, without a
/// patch.
struct kernel_fault {
    /// The condition for the fault, besides the version.
    enum class condition {
        any, ///< nothing
        tcp, ///< a drive is reached over TCP
        scheduler, ///< a drive has an I/O scheduler
    };
    std::string_view name; ///< in snake_case; never changes, because scripts rely on it
    condition needs = condition::any; ///< the fault occurs only under this condition
    bool only_slow = false; ///< the fault costs speed and is no danger
    kernel_number first; ///< the first version with the fault, known or assumed
    /// The last version on which the fault was seen; between it and `fixed`: unsure
    kernel_number seen_last;
    kernel_number fixed; ///< the first version without the fault; major 0: none is known
    std::span<const fixed_series> series = {}; ///< stable kernels below `fixed` with the fix
    std::string_view what; ///< what happens, and when
    std::string_view fix; ///< what to do
    std::string_view source; ///< the source of the range of versions
};

/// All known faults, in order of the version that fixed them.
[[nodiscard]] std::span<const kernel_fault> kernel_faults() noexcept;

/// Whether a kernel has a fault.
enum class fault_answer { no, yes, unsure };

/// Whether `kernel` has `fault`, where its condition is met. `unsure` for a version between the
/// tried versions, for a version whose last number the distribution hides, and for a kernel with
/// backports.
[[nodiscard]] fault_answer has_fault(const machine_info& host, const kernel_fault& fault) noexcept;

} // namespace ngpoll
