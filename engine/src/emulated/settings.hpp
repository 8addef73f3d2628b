// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace ngpoll::emulated {

/// The settings of an emulated namespace, as nvme_namespace::open() documents them.
struct settings {
    std::uint64_t size_bytes = std::uint64_t{1} << 30;
    std::uint32_t lba_bytes = 512;
    std::uint32_t queues = 1024; ///< queue pairs at most; a pair costs nothing until it is taken
    std::uint64_t latency_ns = 0;
    /// Above latency_ns: each command's latency is drawn between the two
    std::uint64_t latency_ns_max = 0;
    /// First and last LBA whose reads fail; none where first > last.
    std::uint64_t unreadable_first = UINT64_MAX;
    std::uint64_t unreadable_last = 0;
};

/// Parses the settings after "emu:". Throws std::system_error (EINVAL) whose text names the
/// setting.
[[nodiscard]] settings parse_settings(std::string_view path);

} // namespace ngpoll::emulated
