// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::detail {

/// 0 in the process that first asked, another number in each forked child. A kernel ring, its
/// memory and registered buffers are of no use there: the child gets none of them
/// (MADV_DONTFORK), and would send its commands with its parent's.
[[nodiscard]] unsigned process_generation() noexcept;

} // namespace ngpoll::detail
