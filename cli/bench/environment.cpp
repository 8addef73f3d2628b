// SPDX-License-Identifier: MIT
#include "environment.hpp"

#include <array>
#include <ctime>

#include <sys/utsname.h>

#include <ngpoll/processors.hpp>

#include "../invocation.hpp"

namespace ngpoll::cli {

std::string kernel_text()
{
    utsname name{};
    ::uname(&name);
    return std::string(name.sysname) + ' ' + name.release;
}

environment look_around()
{
    utsname name{};
    ::uname(&name);
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return {.date = date.data(),
        .host = name.nodename,
        .kernel = kernel_text(),
        .processor = processor_name(),
        .command_line = invocation()};
}

} // namespace ngpoll::cli
