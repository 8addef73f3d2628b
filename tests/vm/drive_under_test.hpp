// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>

#include "../unit/catch.hpp"
#include "../unit/support.hpp"

namespace ngpoll::test {

/// NGPOLL_TEST_DEVICE: the namespace that the device tests read.
inline std::string device_path()
{
    const char* path = std::getenv("NGPOLL_TEST_DEVICE");
    if (path == nullptr)
        FAIL("set NGPOLL_TEST_DEVICE to a namespace that may be read, for example /dev/ng0n1");
    return path;
}

/// NGPOLL_TEST_WRITE=1 allows its data to be overwritten.
inline bool may_write()
{
    const char* allowed = std::getenv("NGPOLL_TEST_WRITE");
    return allowed != nullptr && std::string(allowed) == "1";
}

/// True if the running kernel's release starts with `release`.
inline bool kernel_is(const std::string& release)
{
    utsname name{};
    return ::uname(&name) == 0 && std::string(name.release).rfind(release, 0) == 0;
}

/// Keeps the calling thread on one processor.
inline void stay_on(std::uint32_t processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (::pthread_setaffinity_np(::pthread_self(), sizeof one, &one) != 0)
        std::abort();
}

/// The destructor waits until every kernel ring made in its scope has let go of the drive. The
/// kernel tears rings down in the background, and 6.1 does not survive two rings that poll one
/// drive. Open namespaces, also those that rings registered, count as users of the driver's module.
class users_of_driver {
public:
    users_of_driver() = default;
    ~users_of_driver() { wait(); }
    users_of_driver(const users_of_driver&) = delete;
    users_of_driver& operator=(const users_of_driver&) = delete;

private:
    static std::optional<long> count()
    {
        long users = 0;
        if (!(std::ifstream("/sys/module/nvme/refcnt") >> users))
            return {};
        return users;
    }

    void wait() const
    {
        const auto late = std::chrono::steady_clock::now() + kDeadline;
        while (before_ && count() > before_) {
            if (std::chrono::steady_clock::now() > late) {
                std::fprintf(stderr, "a closed ring still has the drive open\n");
                std::abort();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }

    std::optional<long> before_ = count();
};

} // namespace ngpoll::test
