// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// The words that a run prints, explained for --help. A test looks for each of them.
inline constexpr const char* kWords = R"(Words:
  IOPS, BW       I/Os and bytes a second
  IOS/call       commands sent, and completions found, for each call of io_uring_enter
  latency        the time from submit() to the completion callback; with --workers, until the
                 worker has the batch; with --rate, from the time when the I/O was due
  p50, 99.9%     half of the I/Os, or 999 of 1000 of them, took no longer
  inline         the share of completions that a thread found by its own polling
  deferred       the share of completions that another thread found and handed over
  hand-overs     how often the polling of a shared poll queue moved to another thread
  wake-ups       how often a thread woke another one that slept
  empty polls    the share of looks at the completion queue that found nothing
  slowest,       the IOPS of the thread with the fewest, and of the thread with the most
  fastest
  cost           processor time, user and system, of all threads of the process; resident pollers
                 and the kernel's workers count, too)";

} // namespace ngpoll::cli
