// SPDX-License-Identifier: MIT
#include <ngpoll/processors.hpp>

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

namespace ngpoll {

namespace {

/// cpu_set_t ends at 1,024; the kernel refuses a set with less room than the processors it is built
/// for, 8,192 with most distributions.
constexpr std::uint32_t kProcessorsMax = 65536;

struct processor_set {
    std::array<cpu_set_t, kProcessorsMax / CPU_SETSIZE> words{};
};

} // namespace

std::vector<std::uint32_t> allowed_processors()
{
    processor_set set;
    const int error = ::pthread_getaffinity_np(::pthread_self(), sizeof set, set.words.data());
    if (error != 0)
        throw std::system_error(
            error, std::system_category(), "the processors of this process cannot be had");
    std::vector<std::uint32_t> cpus;
    for (std::uint32_t cpu = 0; cpu < kProcessorsMax; ++cpu)
        if (CPU_ISSET_S(cpu, sizeof set, set.words.data()))
            cpus.push_back(cpu);
    return cpus;
}

void pin_this_thread(std::span<const std::uint32_t> cpus)
{
    processor_set set;
    for (const std::uint32_t cpu : cpus)
        if (cpu < kProcessorsMax)
            CPU_SET_S(cpu, sizeof set, set.words.data());
    const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof set, set.words.data());
    if (error != 0)
        throw std::system_error(error, std::system_category(),
            fmt::format("a thread cannot be kept to cpus {}; are they online?", ranges_text(cpus)));
}

std::string ranges_text(std::span<const std::uint32_t> numbers)
{
    std::string text;
    for (std::size_t first = 0; first < numbers.size();) {
        std::size_t last = first;
        while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1)
            ++last;
        text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[first]);
        if (last != first)
            text += fmt::format("-{}", numbers[last]);
        first = last + 1;
    }
    return text;
}

} // namespace ngpoll
