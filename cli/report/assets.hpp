// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace ngpoll::cli {

// The chart library, the script and the style of the page. They are built into the program, so the
// page needs no network and no file beside it.

/// Chart.js, with the notice of its licence in front.
[[nodiscard]] std::string_view chart_library() noexcept;
[[nodiscard]] std::string_view page_script() noexcept;
[[nodiscard]] std::string_view page_style() noexcept;

} // namespace ngpoll::cli
