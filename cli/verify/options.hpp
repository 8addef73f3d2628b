// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ngpoll/nvme_namespace.hpp>
#include <ngpoll/poll_queue.hpp>

#include "../bench/workload.hpp"
#include "state_file.hpp"

namespace ngpoll::cli {

class option_list;

/// The options of one `ngpoll verify`. The letters are those of `ngpoll bench`.
struct verify_options {
    std::vector<std::string> devices; ///< at most one; empty: an emulated drive
    std::string write_name; ///< SERIAL:NSID
    bool check = false; ///< only read what an earlier run left
    std::string state_path; ///< empty: none
    bool durable = false;
    std::optional<std::uint64_t> block_bytes; ///< of an I/O
    std::optional<drive_share> offset; ///< nothing: the start of the drive
    std::optional<drive_share> size; ///< nothing: to its end
    std::optional<std::uint32_t> depth; ///< of each thread
    std::uint32_t threads = 1;
    std::optional<double> seconds; ///< of writing; 0: until a signal; nothing: one pass
    bool random = true;
    bool polled = true;
    std::string queues = "auto";
    role_policy role = role_policy::automatic;
    bool force = false;
    std::string json_path; ///< for output_file; empty: none
};

/// Adds the options to `verify`. Parsing them fills `options`.
void add_options(option_list& verify, verify_options& options);

/// Checks what can be checked without a drive; throws std::invalid_argument with one line.
void check_options(const verify_options& options);

/// The range that the options name, or the range of an earlier run, `before`. Throws
/// std::invalid_argument with one line if they do not fit the drive or each other.
[[nodiscard]] verified_range range_of(const verify_options& options, const namespace_info& device,
    const std::optional<written_state>& before);

} // namespace ngpoll::cli
