// SPDX-License-Identifier: MIT
#include <ngpoll/nvme_namespace.hpp>

#include <utility>

#include "emulated/emulated_namespace.hpp"
#include "opened_namespace.hpp"
#include "process.hpp"
#include "uring/device_namespace.hpp"

namespace ngpoll {

nvme_namespace::nvme_namespace(std::shared_ptr<opened_namespace> opened) noexcept
    : opened_(std::move(opened))
{
}

nvme_namespace nvme_namespace::open(std::string_view path, options requested)
{
    detail::require_fork_handlers();
    if (path.starts_with("emu:"))
        return nvme_namespace(std::make_shared<emulated_namespace>(path));
    return nvme_namespace(std::make_shared<device_namespace>(path, requested));
}

const namespace_info& nvme_namespace::info() const noexcept { return opened_->info(); }

} // namespace ngpoll
