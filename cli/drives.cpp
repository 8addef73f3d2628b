// SPDX-License-Identifier: MIT
#include "drives.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace ngpoll::cli {

namespace {

/// The numbers X and Y of "ngXnY".
std::optional<std::pair<unsigned, unsigned>> numbers_of(std::string_view name)
{
    std::pair<unsigned, unsigned> numbers;
    const char* const end = name.data() + name.size();
    if (!name.starts_with("ng"))
        return std::nullopt;
    const auto first = std::from_chars(name.data() + 2, end, numbers.first);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != 'n')
        return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, numbers.second);
    if (second.ec != std::errc{} || second.ptr != end)
        return std::nullopt;
    return numbers;
}

} // namespace

std::vector<std::string> drives_here(const std::string& root)
{
    namespace fs = std::filesystem;
    std::vector<std::pair<std::pair<unsigned, unsigned>, std::string>> found;
    std::error_code none; // a folder that cannot be read has none
    for (fs::directory_iterator at(fs::path(root) / "dev", none), end; !none && at != end;
         at.increment(none)) {
        const std::string name = at->path().filename().string();
        if (const auto numbers = numbers_of(name))
            found.emplace_back(*numbers, "/dev/" + name);
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> drives;
    for (auto& [numbers, path] : found)
        drives.push_back(std::move(path));
    return drives;
}

} // namespace ngpoll::cli
