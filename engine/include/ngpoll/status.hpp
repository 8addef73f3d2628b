// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <system_error>

namespace ngpoll {

/// How a command ended. The kernel's error and the drive's answer are apart.
///
/// `errno_value` is a positive errno when the kernel (or the emulated queue pair) could not carry
/// the command out. The drive then never answered. `nvme_status` is the drive's answer: the status
/// field of the completion queue entry without its phase bit (NVM Express Base Specification 2.0,
/// figure 89). SC is in bits 0-7, SCT in 8-10, CRD in 11-12, More in 13, DNR in 14. At most one of
/// the two members is not zero. ECANCELED means that the ring aborted the request before it reached
/// the drive.
struct status {
    std::int32_t errno_value = 0; ///< the system's word; 0: none
    std::uint16_t nvme_status = 0; ///< the drive's word; 0: none, or success
    std::uint8_t reserved = 0; ///< always zero: it makes ok() one compare
    std::uint8_t taken = 0; ///< internal: set while the request is outstanding; zero in an outcome

    /// The command ended well.
    [[nodiscard]] bool ok() const noexcept { return std::bit_cast<std::uint64_t>(*this) == 0; }

    /// The status code. It has a meaning only together with the type.
    [[nodiscard]] unsigned code() const noexcept { return nvme_status & 0xffU; }
    /// Status code type: 0 generic, 1 command specific, 2 media and data integrity, 3 path.
    [[nodiscard]] unsigned code_type() const noexcept { return (nvme_status >> 8U) & 0x7U; }
    /// The drive says that the command will fail again.
    [[nodiscard]] bool do_not_retry() const noexcept { return (nvme_status & 0x4000U) != 0; }

    /// The status in words: the errno's text, or the name in NVM Express and the number.
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

/// The category of set-up errors that the drive reports: its values are nvme_status fields. Errors
/// of the operating system use std::system_category(). Both come as std::system_error.
[[nodiscard]] const std::error_category& nvme_category() noexcept;

} // namespace ngpoll
