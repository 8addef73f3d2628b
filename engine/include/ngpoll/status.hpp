// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <system_error>

namespace ngpoll {

/// How a command ended, the transport's word and the drive's word apart.
///
/// `errno_value` is a positive errno when the kernel (or the emulated queue pair) could not carry
/// the command out: the drive then never answered. `nvme_status` is the drive's answer, the status
/// field of the completion queue entry without its phase bit (NVM Express Base Specification 2.0,
/// figure 89): SC in bits 0-7, SCT 8-10, CRD 11-12, More 13, DNR 14. At most one is not zero.
/// A request that its ring aborted before it reached the drive carries ECANCELED.
struct status {
    std::int32_t errno_value = 0; ///< the system's word; 0: none
    std::uint16_t nvme_status = 0; ///< the drive's word; 0: none, or success
    std::uint8_t reserved = 0; ///< always zero: it makes ok() one compare
    std::uint8_t taken = 0; ///< the engine's, while the request is outstanding; zero in an outcome

    /// The command ended well.
    [[nodiscard]] bool ok() const noexcept { return std::bit_cast<std::uint64_t>(*this) == 0; }

    /// Status code, meaningful together with the type.
    [[nodiscard]] unsigned code() const noexcept { return nvme_status & 0xffU; }
    /// Status code type: 0 generic, 1 command specific, 2 media and data integrity, 3 path.
    [[nodiscard]] unsigned code_type() const noexcept { return (nvme_status >> 8U) & 0x7U; }
    /// The drive says that the command will fail again.
    [[nodiscard]] bool do_not_retry() const noexcept { return (nvme_status & 0x4000U) != 0; }

    /// The status in words: the errno's text, or the name NVM Express gives it and its number.
    [[nodiscard]] std::string text() const;

    /// Both words are equal.
    friend bool operator==(const status&, const status&) = default;
};

static_assert(sizeof(status) == sizeof(std::uint64_t));

/// Splits an io_uring result, where `res < 0` is an errno and `res > 0` an NVMe status.
[[nodiscard]] constexpr status status_from_result(std::int32_t res) noexcept
{
    if (res < 0)
        return {.errno_value = -res};
    return {.nvme_status = static_cast<std::uint16_t>(res)};
}

/// Category of set-up errors that are the drive's word: its values are nvme_status fields. Errors
/// of the operating system use std::system_category(). Both come as std::system_error.
[[nodiscard]] const std::error_category& nvme_category() noexcept;

} // namespace ngpoll
