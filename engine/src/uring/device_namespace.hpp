// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "../backend.hpp"
#include "../file_descriptor.hpp"

namespace ngpoll {

/// A namespace behind the kernel's NVMe driver: the character device `/dev/ngXnY`.
class device_namespace final : public backend {
public:
    /// Throws as nvme_namespace::open() does.
    device_namespace(std::string_view path, nvme_namespace::options how);

    [[nodiscard]] std::unique_ptr<transport> open_transport(
        const poll_queue::options& how) override;

private:
    void identify();
    void read_limits();

    file_descriptor fd_;
};

} // namespace ngpoll
