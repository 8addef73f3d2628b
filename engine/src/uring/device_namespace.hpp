// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../file_descriptor.hpp"
#include "../linux/sysfs.hpp"
#include "../opened_namespace.hpp"
#include "tag_budget.hpp"

namespace ngpoll {

/// A namespace behind the kernel's NVMe driver: the character device `/dev/ngXnY`.
class device_namespace final : public opened_namespace {
public:
    /// Throws like nvme_namespace::open().
    device_namespace(std::string_view path, nvme_namespace::options requested);

    [[nodiscard]] opened_queue open_queue(const poll_queue_options& requested) override;
    [[nodiscard]] bool needs_resident() const noexcept override;

private:
    void identify();
    void read_limits();
    /// The part of `requested` that the drive and the kernel allow. `report` gets what they do not.
    [[nodiscard]] poll_queue_options possible(const poll_queue_options& requested,
        const drive_limits& limits, poll_queue_report& report) const;
    [[nodiscard]] std::unique_ptr<transport> open_polled(const poll_queue_options& requested,
        poll_queue_options can, const drive_limits& limits, poll_queue_report report) const;
    [[nodiscard]] drive_limits fresh_limits() const;
    [[nodiscard]] tag_budget take_tags(
        const poll_queue_options& requested, const drive_limits& limits) const;
    [[nodiscard]] std::vector<std::uint32_t> processors_of(std::uint32_t hardware_queue) const;

    file_descriptor fd_;
    /// The process that opened the namespace; see detail::process_generation
    const unsigned process_;
};

} // namespace ngpoll
