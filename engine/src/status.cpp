// SPDX-License-Identifier: MIT
#include <ngpoll/status.hpp>

#include <cerrno>

#include <fmt/format.h>
#include <libnvme.h>

namespace ngpoll {

namespace {

std::string nvme_status_text(unsigned value)
{
    // libnvme names the type and code. "Do not retry", "more" and the retry delay are not part of
    // its text.
    const char* name = nvme_status_to_string(static_cast<int>(value & 0x7ffU), false);
    return fmt::format("{} (NVMe status 0x{:04x})", name, value);
}

class nvme_category_type final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "nvme"; }
    [[nodiscard]] std::string message(int value) const override
    {
        return nvme_status_text(static_cast<unsigned>(value));
    }
};

} // namespace

std::string status::text() const
{
    // The kernel returns this for a command that found no tag. A worker of the kernel got the
    // command and could not map its buffer. Nothing else on this path looks as if the drive were
    // full.
    if (errno_value == EFAULT)
        return fmt::format("{} (errno {}): the drive's tags ran out; register the buffers "
                           "(buffer_pool; bench -B1; fio fixedbufs), or lower the depths of all "
                           "that use the drive; or the buffer is no memory of this process",
            std::system_category().message(errno_value), errno_value);
    if (errno_value != 0)
        return fmt::format(
            "{} (errno {})", std::system_category().message(errno_value), errno_value);
    if (nvme_status != 0)
        return nvme_status_text(nvme_status);
    return "success";
}

const std::error_category& nvme_category() noexcept
{
    static const nvme_category_type category;
    return category;
}

} // namespace ngpoll
