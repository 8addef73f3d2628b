// SPDX-License-Identifier: MIT
#include "sysfs.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace ngpoll {

namespace fs = std::filesystem;

std::string read_line(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos)
        return {};
    return line.substr(first, line.find_last_not_of(" \t") - first + 1);
}

std::optional<std::uint32_t> number_in(std::string_view text)
{
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stopped != end)
        return std::nullopt;
    return value;
}

std::vector<std::string> names_in(const std::string& folder)
{
    std::vector<std::string> names;
    std::error_code none; // a folder that cannot be read counts as empty
    for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none))
        names.push_back(at->path().filename().string());
    return names;
}

std::vector<std::uint32_t> numbered_in(const std::string& folder, std::string_view prefix)
{
    std::vector<std::uint32_t> numbers;
    for (const std::string& name : names_in(folder))
        if (name.starts_with(prefix))
            if (const auto number = number_in(std::string_view(name).substr(prefix.size())))
                numbers.push_back(*number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

std::vector<std::uint32_t> numbers_of_ranges(std::string_view text)
{
    /// More than the kernel's number of processors
    constexpr std::uint32_t kNumbersMax = 1U << 16U;
    std::vector<std::uint32_t> numbers;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        const auto first = number_in(part.substr(0, part.find('-')));
        const auto last = number_in(part.substr(part.find('-') + 1));
        if (!first || !last || *last >= kNumbersMax)
            break;
        for (std::uint32_t number = *first; number <= *last; ++number)
            numbers.push_back(number);
    }
    return numbers;
}

std::string block_name(std::string_view path, const std::string& root)
{
    std::string name(path.substr(path.rfind('/') + 1));
    struct stat found { };
    std::error_code none;
    if (::stat(std::string(path).c_str(), &found) == 0 && S_ISCHR(found.st_mode)) {
        const fs::path known = fs::path(root) / "sys/dev/char"
            / fmt::format("{}:{}", major(found.st_rdev), minor(found.st_rdev));
        const fs::path real = fs::canonical(known, none);
        // Without sysfs only the name is known: the name of the node at the end of the links.
        name = none ? fs::canonical(path, none).filename().string() : real.filename().string();
    }
    return name.starts_with("ng") ? "nvme" + name.substr(2) : std::string();
}

std::vector<std::string> paths_of(const std::string& block, const std::string& root)
{
    const fs::path blocks = fs::path(root) / "sys/block";
    std::error_code none;
    if (fs::exists(blocks / block / "mq", none))
        return {block};
    const std::size_t split = block.rfind('n');
    const std::string prefix = block.substr(0, split) + 'c';
    const std::string suffix = block.substr(split);
    std::vector<std::string> paths;
    for (const std::string& other : names_in(blocks.string())) {
        const std::string_view text = other;
        if (text.starts_with(prefix) && text.ends_with(suffix)
            && number_in(text.substr(prefix.size(), text.size() - prefix.size() - suffix.size())))
            paths.push_back(other);
    }
    return paths;
}

namespace {

/// The name in brackets of "none [mq-deadline] kyber"; empty for none, or where the file is
/// missing.
std::string scheduler_of(const fs::path& queue)
{
    std::ifstream file(queue / "scheduler");
    for (std::string word; file >> word;)
        if (word.starts_with('[') && word.ends_with(']') && word != "[none]")
            return word.substr(1, word.size() - 2);
    return {};
}

} // namespace

drive_limits read_drive_limits(const std::string& block, const std::string& root)
{
    const fs::path blocks = fs::path(root) / "sys/block";
    drive_limits found;
    std::error_code none;
    found.controller = fs::canonical(blocks / block / "device", none).filename().string();
    for (const std::string& each : paths_of(block, root)) {
        // NVMe counts a queue's size from 0 and keeps one entry free, so sqsize is the number of
        // tags.
        for (const char* const limit : {"queue/nr_requests", "device/sqsize"}) {
            const auto tags = read_value<std::uint32_t>((blocks / each / limit).string());
            if (tags && *tags != 0)
                found.tags = found.tags == 0 ? *tags : std::min(found.tags, *tags);
        }
        if (found.scheduler.empty())
            found.scheduler = scheduler_of(blocks / each / "queue");
        const auto transport
            = read_value<std::string>((blocks / each / "device/transport").string());
        if (transport && (found.transport.empty() || found.transport == "pcie"))
            found.transport = *transport;
    }
    return found;
}

} // namespace ngpoll
