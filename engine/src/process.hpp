// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::detail {

/// 0 in the process that first asked, another number in each forked child. A kernel ring, its
/// memory and registered buffers are of no use there: the child gets none of them
/// (MADV_DONTFORK), and would send its commands with its parent's. Plain: a fork happens between
/// two instructions of the one thread that the child has.
extern unsigned process_generation;

} // namespace ngpoll::detail
