// SPDX-License-Identifier: MIT
#include <ngpoll/processors.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>

namespace ngpoll {

namespace {

/// cpu_set_t ends at 1,024. The kernel refuses a set with less room than the processors that it is
/// built for, 8,192 with most distributions.
constexpr std::uint32_t kProcessorsMax = 65536;

struct processor_set {
    std::array<cpu_set_t, kProcessorsMax / CPU_SETSIZE> words{};
};

/// The text behind "`key` : " in /proc/cpuinfo, of the first processor; empty where it is missing.
std::string cpuinfo(const std::string& root, std::string_view key)
{
    std::ifstream file(root + "/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || !line.starts_with(key)
            || line.find_first_not_of(" \t", key.size()) != colon)
            continue;
        const std::size_t value = line.find_first_not_of(" \t", colon + 1);
        return value == std::string::npos ? std::string() : line.substr(value);
    }
    return {};
}

bool has_word(const std::string& text, std::string_view word)
{
    std::istringstream words(text);
    return std::find(std::istream_iterator<std::string>(words), {}, word)
        != std::istream_iterator<std::string>();
}

} // namespace

std::vector<std::uint32_t> allowed_processors()
{
    processor_set set;
    const int error = ::pthread_getaffinity_np(::pthread_self(), sizeof set, set.words.data());
    if (error != 0)
        throw std::system_error(
            error, std::system_category(), "the processors of this process cannot be read");
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

std::string processor_name(const std::string& root)
{
    std::string name = cpuinfo(root, "model name");
    if (name.empty()) {
        utsname machine{};
        ::uname(&machine);
        name = machine.machine;
    }
    return name;
}

bool time_stamp_counter_is_steady(const std::string& root)
{
    const auto words = [&](const char* file) {
        std::ifstream in(root + "/sys/devices/system/clocksource/clocksource0/" + file);
        std::string line;
        std::getline(in, line);
        return line;
    };
    // The kernel compares the counters of all processors and watches their rate. If one is wrong it
    // gives the counters up for good, and no longer names them as available.
    if (has_word(words("current_clocksource"), "tsc"))
        return true;
    const std::string flags = cpuinfo(root, "flags");
    return has_word(words("available_clocksource"), "tsc") && has_word(flags, "constant_tsc")
        && has_word(flags, "nonstop_tsc");
}

} // namespace ngpoll
