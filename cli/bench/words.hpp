// SPDX-License-Identifier: MIT
#pragma once

namespace ngpoll::cli {

/// What the words mean that a run prints; for --help. A test looks for each of them.
inline constexpr const char* kWords = R"(Words:
  IOPS, BW       I/Os and bytes a second
  IOS/call       commands sent, and completions found, for each call of io_uring_enter
  latency        from submit() to the completion callback, or of workers until they have the batch;
                 at a --rate from when it was due
  p50, 99.9%     half of the I/Os, and 999 of 1000, took no longer than that
  inline         the share of completions that a thread found by its own polling
  deferred       the rest: another thread found them and handed them over
  hand-overs     times that another thread took over the polling of a shared poll queue
  wake-ups       times that a thread woke another one that slept
  empty polls    the share of looks at the completion queue that found nothing
  slowest,       the thread with the fewest and the one with the most IOPS
  fastest
  cost           processor time, user and system, of all threads: of those that poll for others
                 and of the kernel's, too)";

} // namespace ngpoll::cli
