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

/// The result of a run, with all that it depends on.
struct verify_result {
    environment around = look_around();
    verify_options options;
    namespace_info device;
    verified_range range;
    std::uint32_t depth = 0;
    std::uint32_t poll_queues = 0;
    poll_queue_report queue; ///< of the first poll queue
    bool resumed = false; ///< --state told what to expect
    bool cut_short = false; ///< a signal came before all was read
    std::uint64_t state_bytes_dropped = 0; ///< written_state::bytes_dropped
    std::string unchecked; ///< write_permit::unchecked()
    std::vector<phase_result> phases;
    std::string failure; ///< why the run could not go on; empty: it could

    /// Acknowledged writes of all phases.
    [[nodiscard]] std::uint64_t acknowledged() const noexcept;
    /// Reads of all phases.
    [[nodiscard]] std::uint64_t read() const noexcept;
    /// Logical blocks without a stamp that need none.
    [[nodiscard]] std::uint64_t unstamped() const noexcept;
    /// Whether a check without a state found no stamp at all, so that it checked nothing.
    [[nodiscard]] bool checked_nothing() const noexcept;
};

/// The lines before the first phase.
[[nodiscard]] std::string heading_text(const verify_result& run);
/// The line that is printed each second.
[[nodiscard]] std::string progress_text(const verify_result& run, const phase_result& now);
/// The line after a phase.
[[nodiscard]] std::string phase_text(const verify_result& run, const phase_result& phase);
/// The last lines: the first `kShownMax` findings, and the totals.
[[nodiscard]] std::string summary_text(const verify_result& run, const findings& found);

/// The JSON document, with a newline at its end.
[[nodiscard]] std::string json_text(const verify_result& run, const findings& found);

} // namespace ngpoll::cli
