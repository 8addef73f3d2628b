// SPDX-License-Identifier: MIT
#include <ngpoll/version.hpp>

namespace ngpoll {

std::string_view version() noexcept { return NGPOLL_VERSION; }

} // namespace ngpoll

const char* ngpoll_version() { return NGPOLL_VERSION; }
