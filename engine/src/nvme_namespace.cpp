// SPDX-License-Identifier: MIT
#include <ngpoll/nvme_namespace.hpp>

#include <utility>

#include "backend.hpp"
#include "emulated/emulated_namespace.hpp"
#include "uring/device_namespace.hpp"

namespace ngpoll {

nvme_namespace::nvme_namespace(std::shared_ptr<backend> opened) noexcept
    : backend_(std::move(opened))
{
}

nvme_namespace nvme_namespace::open(std::string_view path, options how)
{
    if (path.starts_with("emu:"))
        return nvme_namespace(std::make_shared<emulated_namespace>(path));
    return nvme_namespace(std::make_shared<device_namespace>(path, how));
}

const namespace_info& nvme_namespace::info() const noexcept { return backend_->info(); }

} // namespace ngpoll
