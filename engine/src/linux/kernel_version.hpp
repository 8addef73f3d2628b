// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>

#include <sys/utsname.h>

namespace ngpoll {

/// The running kernel's version, as 100 * major + minor: 612 for Linux 6.12.
[[nodiscard]] inline unsigned kernel_version()
{
    utsname name{};
    ::uname(&name);
    char* after_major = nullptr;
    const unsigned long major = std::strtoul(name.release, &after_major, 10);
    const unsigned long minor
        = *after_major == '.' ? std::strtoul(after_major + 1, nullptr, 10) : 0;
    return static_cast<unsigned>(100 * major + minor);
}

} // namespace ngpoll
