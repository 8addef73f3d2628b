// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operation.hpp"

namespace ngpoll::cli {

/// The kind of I/O that --rw chooses, in fio's words.
struct access_pattern {
    std::string_view word = "randread";
    bool random = true; ///< else in sequence
    bool reads = true;
    /// The operation that changes the drive's data; nothing: there are only reads. With `reads` set
    /// the two are mixed.
    std::optional<operation> changes;

    [[nodiscard]] bool writes() const noexcept { return changes.has_value(); }
    [[nodiscard]] bool mixed() const noexcept { return reads && writes(); }
    /// Whether its commands carry the blocks' data.
    [[nodiscard]] bool moves_data() const noexcept { return reads || changes == operation::write; }
    /// The word for its I/Os: "reads", "writes", or "I/Os" for a mix.
    [[nodiscard]] std::string_view noun() const noexcept;

    /// Throws std::invalid_argument.
    [[nodiscard]] static access_pattern parse(std::string_view option, std::string_view word);
};

/// How random positions are distributed: --random-distribution, in fio's words.
struct position_law {
    double zipf_theta = 0; ///< 0: uniform

    /// "random" (also called uniform), or "zipf:1.2".
    [[nodiscard]] std::string text() const;
    /// Throws std::invalid_argument.
    [[nodiscard]] static position_law parse(std::string_view option, std::string_view word);
};

/// A --size or an --offset: bytes, or percent of the drive.
struct drive_share {
    std::uint64_t bytes = 0;
    std::optional<std::uint32_t> percent; ///< in place of bytes

    [[nodiscard]] bool is_zero() const noexcept { return bytes == 0 && percent.value_or(0) == 0; }
    /// The share in bytes, of a drive of `drive_bytes`.
    [[nodiscard]] std::uint64_t of(std::uint64_t drive_bytes) const noexcept;
    /// The text that the user may give: "1048576" or "20%".
    [[nodiscard]] std::string text() const;
    /// Throws std::invalid_argument.
    [[nodiscard]] static drive_share parse(std::string_view option, std::string_view word);
};

} // namespace ngpoll::cli
