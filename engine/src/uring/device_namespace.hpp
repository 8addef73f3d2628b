// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "../backend.hpp"

namespace ngpoll {

/// A namespace behind the kernel's NVMe driver: the character device `/dev/ngXnY`.
class device_namespace final : public backend {
public:
    /// Throws as nvme_namespace::open() does.
    device_namespace(std::string_view path, nvme_namespace::options how);
    ~device_namespace() override;

    [[nodiscard]] std::unique_ptr<transport> open_transport(
        const poll_queue::options& how) override;

private:
    void identify();
    void read_limits();

    int fd_ = -1;
};

} // namespace ngpoll
