// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue.hpp>

#include "../bench/environment.hpp"
#include "finding.hpp"
#include "options.hpp"
#include "phase.hpp"
#include "state_file.hpp"

namespace ngpoll::cli {

/// All that is known of a run.
struct verify_result {
    environment around = look_around();
    verify_options options;
    namespace_info device;
    verified_range range;
    std::uint32_t depth = 0;
    std::uint32_t poll_queues = 0;
    poll_queue_report queue; ///< of the first one
    bool resumed = false; ///< --state told what to expect
    bool cut_short = false; ///< a signal came before all was read
    std::uint64_t state_bytes_dropped = 0; ///< written_state::bytes_dropped
    std::string unchecked; ///< write_permit::unchecked()
    std::vector<phase_result> phases;
    std::string failure; ///< why it could not go on; empty: it could

    /// Acknowledged writes of all phases.
    [[nodiscard]] std::uint64_t acknowledged() const noexcept;
    /// I/Os read, in all phases.
    [[nodiscard]] std::uint64_t read() const noexcept;
    /// Logical blocks without a stamp, where none has to be.
    [[nodiscard]] std::uint64_t bare() const noexcept;
    /// A check without a state that met no stamp at all has checked nothing.
    [[nodiscard]] bool checked_nothing() const noexcept;
};

/// The lines before the first phase.
[[nodiscard]] std::string heading_text(const verify_result& run);
/// The line each second.
[[nodiscard]] std::string progress_text(const verify_result& run, const phase_result& now);
/// The line after a phase.
[[nodiscard]] std::string phase_text(const verify_result& run, const phase_result& phase);
/// The last lines: what was found, the first `kShownMax` of it, and the totals.
[[nodiscard]] std::string summary_text(const verify_result& run, const findings& found);

/// The JSON document, with a line's end.
[[nodiscard]] std::string json_text(const verify_result& run, const findings& found);

} // namespace ngpoll::cli
