// SPDX-License-Identifier: MIT
#include "finding.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace ngpoll::cli {

namespace {

std::string range_text(std::uint64_t first, std::uint32_t blocks)
{
    return blocks == 1 ? fmt::format("LBA {}", first)
                       : fmt::format("LBA {} to {}", first, first + blocks - 1);
}

bool is_before(const finding& a, const finding& b) noexcept { return a.lba < b.lba; }

/// Whether `next` directly follows `before`, and has the same fault.
bool continues(const finding& before, const finding& next)
{
    const auto found_lba = [](const finding& of, std::uint64_t offset) {
        return of.found_lba ? *of.found_lba + offset : UINT64_MAX;
    };
    return before.what == next.what && before.lba + before.blocks == next.lba
        && found_lba(before, before.blocks) == found_lba(next, 0)
        && before.found_generation == next.found_generation && before.text == next.text;
}

} // namespace

const char* to_string(finding::kind what) noexcept
{
    switch (what) {
    case finding::kind::misplaced: return "misplaced";
    case finding::kind::stale: return "stale";
    case finding::kind::missing: return "missing";
    case finding::kind::corrupt: return "corrupt";
    case finding::kind::unreadable: return "unreadable";
    case finding::kind::unwritten: return "unwritten";
    }
    return "";
}

std::string text_of(const finding& found)
{
    std::string text
        = fmt::format("{}: {}", range_text(found.lba, found.blocks), to_string(found.what));
    const char* between = ": ";
    if (found.found_lba) {
        text += fmt::format("{}the block{} of {}", between, found.blocks == 1 ? "" : "s",
            range_text(*found.found_lba, found.blocks));
        between = ", ";
    }
    if (found.found_generation) {
        text += fmt::format("{}generation {}", between, *found.found_generation);
        between = ", ";
    }
    return found.text.empty() ? text : text + between + found.text;
}

void findings::add(finding&& found)
{
    const std::lock_guard lock(mutex_);
    counts_[static_cast<std::size_t>(found.what)] += found.blocks;
    kept_.push_back(std::move(found));
    std::push_heap(kept_.begin(), kept_.end(), is_before);
    if (kept_.size() <= kKeptMax)
        return;
    std::pop_heap(kept_.begin(), kept_.end(), is_before);
    kept_.pop_back();
}

std::uint64_t findings::total() const noexcept
{
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::vector<finding> findings::merged() const
{
    std::vector<finding> sorted = kept_;
    std::sort(sorted.begin(), sorted.end(), is_before);
    std::vector<finding> merged;
    for (finding& each : sorted)
        if (!merged.empty() && continues(merged.back(), each))
            merged.back().blocks += each.blocks;
        else
            merged.push_back(std::move(each));
    return merged;
}

} // namespace ngpoll::cli
