// SPDX-License-Identifier: MIT
#include "version.hpp"

#include <fmt/format.h>
#include <linux/version.h>

#include <ngpoll/version.hpp>

namespace ngpoll::cli {

namespace {

#if defined(__clang__)
constexpr const char* kCompiler = __VERSION__; // "Clang 14.0.6"
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

} // namespace

std::string version_text()
{
    return fmt::format("ngpoll {}\n"
                       "compiler: {}, C++ {}\n"
                       "build type: {}\n"
                       "liburing: " NGPOLL_LIBURING_VERSION "\n"
                       "libnvme: " NGPOLL_LIBNVME_VERSION "\n"
                       "kernel headers: {}.{}.{}",
        version(), kCompiler, __cplusplus / 100 % 100,
        *NGPOLL_BUILD_TYPE == '\0' ? "none" : NGPOLL_BUILD_TYPE, LINUX_VERSION_CODE >> 16,
        LINUX_VERSION_CODE >> 8 & 0xff, LINUX_VERSION_CODE & 0xff);
}

} // namespace ngpoll::cli
