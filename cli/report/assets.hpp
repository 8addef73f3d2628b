// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace ngpoll::cli {

/// What the page is made of besides its figures, built into the program: a page needs no network
/// and no file beside it.
/// Chart.js, with the notice of its licence in front.
[[nodiscard]] std::string_view chart_library() noexcept;
[[nodiscard]] std::string_view page_script() noexcept;
[[nodiscard]] std::string_view page_style() noexcept;

} // namespace ngpoll::cli
